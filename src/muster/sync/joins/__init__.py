"""Which identity an object belongs to, and what waits for a person to say so."""
