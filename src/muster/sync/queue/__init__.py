"""Changes on their way to systems, and what became of them."""
