"""Flat files: CSV, TSV, JSON lines, fixed width, LDIF."""

from muster.connectors.flatfile.connector import FlatFileConnector

__all__ = ["FlatFileConnector"]
