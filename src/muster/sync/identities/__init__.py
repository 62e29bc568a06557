"""The values of an identity, worked out from all objects joined to it."""
