"""An OpenAPI 3 document, read to propose a system file."""
