"""How a directory of an older Muster becomes one of today, as the store's does."""

from typing import Final

VERSION: Final = "0001"
"""The newest revision in `versions`: four digits, counted up."""

VERSION_TABLE: Final = "dir_version"
