"""Active Directory: domains of Windows and Samba, over LDAP and its extensions there."""

from muster.connectors.active_directory.connector import ActiveDirectoryConnector

__all__ = ["ActiveDirectoryConnector"]
