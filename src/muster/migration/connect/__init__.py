"""The synchronization rules of Entra Connect as mapping files."""
