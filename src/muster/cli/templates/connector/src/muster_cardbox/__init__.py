"""The connector `cardbox`: a folder of JSON documents, one an object."""

from muster_cardbox.connector import CardboxConnector

__all__ = ["CardboxConnector"]
