"""Muster, an identity-synchronisation engine."""

__version__ = "0.1.0"
