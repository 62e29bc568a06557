"""Applications with a JSON API over HTTP, declared in the system file alone."""

from muster.connectors.rest.connector import RestConnector

__all__ = ["RestConnector"]
