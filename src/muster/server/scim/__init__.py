"""The SCIM gateway: connected systems as SCIM 2.0 services (RFC 7643, RFC 7644)."""
