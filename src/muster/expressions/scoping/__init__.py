"""Whether an object is in scope: four ways to say it, one way to ask."""
