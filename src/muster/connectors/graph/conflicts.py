"""Who is in the way when Graph refuses a value that only one object may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from muster.connectors.graph.answers import target
from muster.connectors.graph.filters import Filter, equality, query
from muster.connectors.graph.resources import ANCHOR, GraphType
from muster.connectors.graph.session import Answer, Request
from muster.connectors.graph.steps import Part
from muster.model.changes import Change
from muster.model.values import Value, items

_MAIL: Final = "mail"
_PROXIES: Final = "proxyAddresses"
_ADDRESSED: Final[Mapping[str, str]] = {"users": "user", "groups": "group", "contacts": "contact"}
"""The collections that share one space of mail addresses, and what one of each is called."""
_MOST: Final = 10
"""Values that are looked for: somebody with more addresses has the one in question among the first, as a rule."""


@dataclass(frozen=True, slots=True)
class Rival:
    """The object that has the value: of the same kind it may be the one that was to be made."""

    collection: str
    anchor: str
    name: str

    @property
    def words(self) -> str:
        """Which object it is."""
        return f"{_ADDRESSED.get(self.collection, self.collection)} {self.name!r} ({self.anchor}) has it."


def rival(change: Change, kind: GraphType, answer: Answer) -> Part[Rival | None]:
    """The object that has a value which `change` wanted; None where it cannot be found."""
    about = target(answer)
    known = about is not None and about in kind.places and about != _MAIL
    names = [str(about)] if known else list(kind.unique)
    own = [one for name in names for value in wanted_values(change, name) if (one := _equality(kind, name, value))]
    found = yield from _first(change, [(kind.collection, one) for one in own])
    if found is not None or about not in (None, _MAIL, _PROXIES):
        return found
    addresses = [f"{_PROXIES}/any(x:x eq {_quoted(str(one))})" for one in wanted_values(change, _PROXIES)]
    others = [name for name in _ADDRESSED if name != kind.collection]
    return (yield from _first(change, [(name, Filter(one)) for name in others for one in addresses]))


def _first(change: Change, asked: list[tuple[str, Filter]]) -> Part[Rival | None]:
    asked = asked[:_MOST]
    if not asked:
        return None
    answers = yield [
        Request("GET", f"/{name}?{query({**one.parameters, '$select': 'id,displayName'})}", None, one.headers)
        for name, one in asked
    ]
    for (name, _), answer in zip(asked, answers, strict=True):
        there = [one for one in answer.values if one.get(ANCHOR) and one[ANCHOR] != change.anchor]
        if len(there) == 1:
            return Rival(name, str(there[0][ANCHOR]), str(there[0].get("displayName") or ""))
    return None


def wanted_values(change: Change, name: str) -> Iterator[Value]:
    """What the change wanted of an attribute; of mail addresses, those that it brings along."""
    yield from items(change.values.get(name))
    yield from change.add.get(name, ())
    if name == _PROXIES and change.values.get(_MAIL):
        yield f"smtp:{change.values[_MAIL]}"
    if name == _MAIL:
        addresses = (str(one) for one in wanted_values(change, _PROXIES) if change.values.get(_MAIL) is None)
        yield from (one[5:] for one in addresses if one.startswith("SMTP:"))


def _equality(kind: GraphType, name: str, value: Value) -> Filter | None:
    return equality(kind, name, [value] if kind.attribute(name).many and not isinstance(value, list | None) else value)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
