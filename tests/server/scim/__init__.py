"""The SCIM gateway, over real sockets and real systems."""
