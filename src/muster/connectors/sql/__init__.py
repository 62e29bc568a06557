"""SQL databases: tables, views and procedures."""

from muster.connectors.sql.connector import SqlConnector

__all__ = ["SqlConnector"]
