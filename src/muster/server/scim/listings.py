"""What a query found, kept for its later pages: they neither search again nor shift when something changes."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from muster.server.scim.errors import ScimError

_SECONDS: Final = 300.0
_MOST: Final = 5_000_000
"""Ids that are kept of all queries together."""
Found = tuple[str, str]
"""An endpoint in lower case, and an id there."""


@dataclass(slots=True)
class Listing:
    """The resources that a query found, in order; `owner`: whose query it was, and what it asked."""

    number: str
    owner: tuple[str, ...]
    found: Sequence[Found]
    until: float


class Listings:
    """Those that clients may still be going through. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, Listing] = OrderedDict()
        self._by_owner: dict[tuple[str, ...], str] = {}
        self._held = 0
        self._lock = threading.Lock()

    def keep(self, owner: tuple[str, ...], found: Sequence[Found]) -> Listing:
        """Keep what a query found."""
        made = Listing(secrets.token_hex(8), owner, found, self._clock() + _SECONDS)
        with self._lock:
            self._kept[made.number] = made
            self._by_owner[owner] = made.number
            self._held += len(found)
            while len(self._kept) > 1 and (self._held > _MOST or next(iter(self._kept.values())).until < self._clock()):
                _, old = self._kept.popitem(last=False)
                self._held -= len(old.found)
                if self._by_owner.get(old.owner) == old.number:
                    del self._by_owner[old.owner]
        return made

    def of(self, owner: tuple[str, ...]) -> Listing | None:
        """What the same client found with the same query a short while ago."""
        with self._lock:
            found = self._kept.get(self._by_owner.get(owner, ""))
        return found if found is not None and found.until >= self._clock() else None

    def cursor(self, listing: Listing, position: int) -> str:
        """The text that leads on from there (RFC 9865)."""
        return f"{listing.number}.{position}"

    def at(self, cursor: str, owner: tuple[str, ...]) -> tuple[Listing, int]:
        """The query and the place in it that a cursor stands for. Raises `ScimError`."""
        number, _, position = cursor.partition(".")
        if len(number) != 16 or not position.isascii() or not position.isdigit() or len(position) > 9:
            raise ScimError(400, "The cursor is none that was given here.", "invalidCursor")
        with self._lock:
            found = self._kept.get(number)
        if found is None or found.until < self._clock():
            raise ScimError(400, "The cursor has expired: start again without one.", "expiredCursor")
        if found.owner != owner:
            raise ScimError(400, "The cursor belongs to another query.", "invalidCursor")
        return found, int(position)
