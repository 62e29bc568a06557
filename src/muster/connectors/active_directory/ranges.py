"""Attributes with more values than a controller shows at once (MS-ADTS section 3.1.1.3.1.3.3, range retrieval).

Above 1,500 values Windows shows `member;range=0-1499` and an empty `member`; the rest is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import ldap

from muster.connectors.ldap.wire import Entry

_RANGE: Final = re.compile(r"(?i)(?P<name>[^;]+);range=(?P<first>\d+)-(?P<last>\d+|\*)")


class Searches(Protocol):
    """What is needed of a session."""

    def search(self, base: str, scope: int, filter: str, attributes: Sequence[str]) -> list[tuple[str, Entry]]:
        """The entries that the search finds."""


@dataclass(slots=True)
class Part:
    """Some values of an attribute. `last`: there are no more. `proven`: with those before, they are all there are."""

    values: Sequence[bytes]
    last: bool = False
    proven: bool = False


def asked(name: str, size: int | None) -> str:
    """The attribute as it is asked for: its first values."""
    return f"{name};range=0-{'*' if size is None else size - 1}"


STAMP: Final = "uSNChanged"
"""What changes with the object; asked for together with the values."""


def parts(session: Searches, dn: str, name: str, entry: Entry, size: int | None) -> Iterator[Part]:
    """All values, beginning with those in `entry`, which was found when `asked` was asked for and uSNChanged with it.

    They are proven to be all of them when the object was not changed meanwhile (uSNChanged), and the values kept
    their places: the last one of each part is asked for once more with the next. (An object that is deleted leaves
    its groups without changing their uSNChanged.)
    """
    begun = _stamp(entry)
    values, first, more = _shown(name, entry)
    yield Part(values, last=not more, proven=not more)
    proven = True
    while more:
        at = first + len(values) - 1
        until = "*" if size is None else str(at + size)
        found = session.search(dn, ldap.SCOPE_BASE, "(objectClass=*)", [f"{name};range={at}-{until}", STAMP])
        before = values[-1]
        values, first, more = _shown(name, found[0][1]) if found else ((), at, False)
        unmoved = bool(values) and values[0] == before and first == at
        proven = proven and unmoved and _stamp(found[0][1]) == begun
        more = more and len(values) > 1
        yield Part(values[1:] if unmoved else values, last=not more, proven=proven and not more)


def whole(session: Searches, dn: str, name: str, entry: Entry, size: int | None) -> list[bytes] | None:
    """All values in one list; None when they were changed while they were read."""
    found: list[bytes] = []
    proven = False
    for part in parts(session, dn, name, entry, size):
        found.extend(part.values)
        proven = part.proven
    return found if proven else None


def cut_short(entry: Entry) -> Mapping[str, str]:
    """The attributes of which the entry shows only the first values: name in lower case → name."""
    found: dict[str, str] = {}
    for name in (one for one in entry if ";" in one):
        match = _RANGE.fullmatch(name)
        if match is not None and match["last"] != "*":
            found[match["name"].lower()] = match["name"]
    return found


def _shown(name: str, entry: Entry) -> tuple[Sequence[bytes], int, bool]:
    """The values that the entry has, the place of the first, and whether there are more."""
    for given, values in entry.items():
        match = _RANGE.fullmatch(given)
        if match is not None and match["name"].lower() == name.lower():
            return values, int(match["first"]), match["last"] != "*"
    return next((values for given, values in entry.items() if given.lower() == name.lower()), ()), 0, False


def _stamp(entry: Entry) -> Sequence[bytes]:
    return next((values for name, values in entry.items() if name.lower() == STAMP.lower()), ())
