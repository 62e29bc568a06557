"""Values that only one object may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from muster.directory.errors import Taken
from muster.directory.keys import comparable, fold
from muster.directory.schema.kinds import ALIAS, SCHEMAS, Kind, Schema
from muster.directory.work import Work

_ADDRESSED: Final = (Kind.USER, Kind.GROUP, Kind.CONTACT)
"""The kinds that share one space of mail addresses."""
_ALONE: Final[Mapping[Kind, Sequence[str]]] = {
    Kind.USER: ("userPrincipalName", "onPremisesImmutableId"),
    Kind.GROUP: ("onPremisesImmutableId", "uniqueName"),
    Kind.DEVICE: ("deviceId", "onPremisesImmutableId"),
    Kind.CONTACT: ("onPremisesImmutableId",),
}


def refuse_taken(work: Work, schema: Schema, doc: Mapping[str, Any], number: int) -> None:
    """Raises `Taken` when another object than `number` has a value of which there may be only one."""
    wanted = list(_unique(schema, doc))
    if not wanted:
        return
    names = {(code, key): name for name, code, key in wanted}
    marks = ", ".join(["(CAST(? AS INTEGER), ?)"] * len(names))
    row = work.session.one(
        f"WITH wanted (code, key) AS (VALUES {marks}) SELECT k.code, k.key FROM wanted w "
        "JOIN dir_key k ON k.code = w.code AND k.key = w.key WHERE k.object <> ? LIMIT 1",
        *(part for pair in names for part in pair),
        number,
    )
    if row is not None:
        raise Taken(names[(row[0], row[1])])


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
