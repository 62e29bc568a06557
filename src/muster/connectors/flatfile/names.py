"""The names of entries in an LDIF file: no two entries have one DN. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import TypeAlias

Entry: TypeAlias = tuple[str, str]
"""An entry: its object type and anchor."""


def taken(
    names: Mapping[str, Entry], going: Set[Entry], claims: Sequence[tuple[Entry, str]]
) -> dict[Entry, tuple[str, Entry]]:
    """Those who cannot have the name that they claim, each with the name and who has it.

    `names`: who bears which DN now; `going`: who is deleted; `claims`: who is to bear which, renamed entries before new
    ones. A name is free when its bearer is deleted or gets another; who gets none keeps the old one.
    """
    refused: dict[Entry, tuple[str, Entry]] = {}
    while True:
        leaving = going | {entry for entry, _ in claims if entry not in refused}
        owners = {name: entry for name, entry in names.items() if entry not in leaving}
        before = len(refused)
        for entry, name in claims:
            if entry not in refused and owners.setdefault(name, entry) != entry:
                refused[entry] = (name, owners[name])
        if len(refused) == before:
            return refused
