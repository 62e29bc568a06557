"""LDAP directories (RFC 4511): OpenLDAP, 389 Directory Server and their kin."""

from muster.connectors.ldap.connector import LdapConnector

__all__ = ["LdapConnector"]
