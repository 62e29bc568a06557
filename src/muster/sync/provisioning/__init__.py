"""Whether a person should have an object in a system, and what it should hold."""
