"""Values that only one object may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from muster.directory.errors import Taken
from muster.directory.keys import comparable, fold
from muster.directory.schema.kinds import ALIAS, SCHEMAS, Kind, Schema
from muster.directory.work import Work
from muster.store.database import Row

_ADDRESSED: Final = (Kind.USER, Kind.GROUP, Kind.CONTACT)
"""The kinds that share one space of mail addresses."""
_FEW: Final = 20
"""Values that one statement looks for by themselves."""
_ALONE: Final[Mapping[Kind, Sequence[str]]] = {
    Kind.USER: ("userPrincipalName", "onPremisesImmutableId"),
    Kind.GROUP: ("onPremisesImmutableId", "uniqueName"),
    Kind.DEVICE: ("deviceId", "onPremisesImmutableId"),
    Kind.CONTACT: ("onPremisesImmutableId",),
}


def refuse_taken(work: Work, schema: Schema, objects: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Raises `Taken` when an object, by its number, has a value that another has and of which there may be only one."""
    wanted: dict[tuple[int, str], tuple[int, str]] = {}
    for number, doc in objects:
        for name, code, key in _unique(schema, doc):
            if wanted.setdefault((code, key), (number, name))[0] != number:
                raise Taken(name)
    for code, key, other in _known(work, list(wanted)):
        number, name = wanted[code, key]
        if other != number:
            raise Taken(name)


def _known(work: Work, wanted: Sequence[tuple[int, str]]) -> Iterator[Row]:
    """The index entries that there are of these."""
    if len(wanted) <= _FEW:
        if wanted:
            marks = ", ".join(["(CAST(? AS INTEGER), ?)"] * len(wanted))
            yield from work.session.rows(
                f"WITH wanted (code, key) AS (VALUES {marks}) SELECT k.code, k.key, k.object FROM wanted w "
                "JOIN dir_key k ON k.code = w.code AND k.key = w.key",
                *(part for pair in wanted for part in pair),
            )
        return
    by_code: dict[int, list[str]] = {}
    for code, key in wanted:
        by_code.setdefault(code, []).append(key)
    for code, keys in by_code.items():
        yield from work.session.rows(
            "SELECT k.code, k.key, k.object FROM dir_key k WHERE k.code = ? AND k.key IN ?t", code, keys
        )


def _unique(schema: Schema, doc: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Property, index and value of all that must be the object's alone."""
    for name in _ALONE[schema.kind]:
        one = schema.properties[name]
        if (value := doc.get(name)) is not None:
            yield name, schema.code(one.index), comparable(value, one.type)
    if doc.get("mailEnabled"):
        yield "mailNickname", schema.code(ALIAS), fold(doc["mailNickname"])
    for address in doc.get("proxyAddresses") or ():
        for kind in _ADDRESSED:
            other = SCHEMAS[kind]
            yield "proxyAddresses", other.code(other.properties["proxyAddresses"].index), fold(address)
