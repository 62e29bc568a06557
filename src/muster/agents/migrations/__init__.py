"""How the tables of an older Muster become those of today, as the store's do."""

from typing import Final

VERSION: Final = "0001"
"""The newest revision in `versions`: four digits, counted up."""

VERSION_TABLE: Final = "agent_version"
