"""Who gives the command."""

from __future__ import annotations

import getpass
import os


def me() -> str:
    """Who decides, as this machine calls them; an account without a name (in a container) is its number."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"
