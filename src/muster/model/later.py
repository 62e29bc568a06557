"""Modules that are loaded when something of them is first used: a command that does not need them starts sooner."""

from __future__ import annotations

import importlib
from typing import Any


class Later:
    """Stands for a module, for the type checker as that module itself:

    if TYPE_CHECKING:
        import httpx
    else:
        httpx = Later("httpx")
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(importlib.import_module(self._name), name)
        setattr(self, name, found)
        return found
