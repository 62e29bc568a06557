"""The project's rules, made ready to run, and what follows when they change."""
