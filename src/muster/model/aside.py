"""The name under which an object makes room while others take each other's names.

A run that was killed meanwhile leaves it there; whoever reads it knows then that no other hand gave it that name.
"""

from __future__ import annotations

from muster.model.values import Value, items


def name_aside(anchor: str) -> str:
    """The object's name until its new one is free."""
    return f"muster-{anchor}"


def stands_aside(value: Value, anchor: str) -> bool:
    """Whether a value of the object is, or is made of, that name: as a DN (`cn=NAME,…`) or as `NAME@domain`."""
    name = name_aside(anchor).casefold()
    return any(_own_part(str(one)).casefold() == name for one in items(value))


def _own_part(text: str) -> str:
    return text.partition(",")[0].partition("@")[0].rpartition("=")[2]
