"""Any program that speaks JSON lines on its standard input and output."""

from muster.connectors.script.connector import ScriptConnector

__all__ = ["ScriptConnector"]
