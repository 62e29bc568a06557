"""Applications with SOAP services, described by WSDL."""

from muster.connectors.soap.connector import SoapConnector

__all__ = ["SoapConnector"]
