"""Microsoft Graph v1.0: Microsoft Entra ID, and Muster's own directory."""

from muster.connectors.graph.connector import GraphConnector

__all__ = ["GraphConnector"]
