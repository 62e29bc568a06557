"""What each kind of file in a project folder may say: the one source for validation and for the JSON Schemas."""
