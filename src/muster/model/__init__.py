"""Objects, values, changes, schemas and errors: plain data, no I/O, nothing but the standard library."""
