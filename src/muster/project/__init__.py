"""The project folder: files in, checked and typed configuration out."""
