"""SCIM 2.0 service providers (RFC 7643, RFC 7644)."""

from muster.connectors.scim.connector import ScimConnector

__all__ = ["ScimConnector"]
