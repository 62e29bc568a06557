"""From what a controller says has changed to what the changed objects show now.

DirSync and uSNChanged name objects. Each is read as it is, so that an object that left its base or its filter is told
from one that is there. A container that was moved changes the names of everything below it, which nobody tells.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from muster.connectors.active_directory.dirsync import DELETED, Event
from muster.connectors.active_directory.domain import Domain
from muster.connectors.active_directory.objects import Objects
from muster.connectors.active_directory.primary import NUMBER, SID, PrimaryGroups, number_of
from muster.connectors.active_directory.schema import ANCHOR, AdType
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.requests import any_anchor
from muster.connectors.ldap.wire import Entry
from muster.model.objects import ConnectorObject, EdgePage, Page

EVERYTHING: Final = frozenset({"*"})
"""The names of an event that does not say what changed."""

_TOGETHER: Final = 100
"""Objects that are read with one search."""

_CONTAINERS: Final = ("organizationalUnit", "container", "builtinDomain", "domainDNS", "lostAndFound")
_NAMED: Final = re.compile(r"\(\s*([A-Za-z][A-Za-z0-9-]*)\s*(?::[^=]*)?[~<>]?=")


class Follower:
    """Turns events of one domain into pages. What is no longer there goes to `gone`."""

    def __init__(self, domain: Domain, wanted: Mapping[str, Sequence[str]], gone: list[ConnectorObject]) -> None:
        self._domain = domain
        self._gone = gone
        groups = PrimaryGroups(domain)
        types = domain.types
        self._objects = [Objects(domain, types[name], names, groups) for name, names in wanted.items() if name in types]
        self._scope = {one.kind.name: _attributes_in(one.kind.filter) for one in self._objects}
        self._with_primary = [one for one in self._objects if one.reader.primary and one.reader.large]
        self._moved: dict[str, None] = {}
        self._primary: dict[int, list[str]] = {}

    @property
    def broad_filter(self) -> str:
        """The filter for whatever the types may depend on: their classes, containers, members of primary groups."""
        classes = {one.kind.object_class for one in self._objects} | set(_CONTAINERS)
        if self._with_primary:
            classes.add("user")
        return _any_class(sorted(classes))

    @property
    def attributes(self) -> list[str]:
        """The attributes whose changes matter."""
        names = {"name", DELETED, "objectClass"}
        for one in self._objects:
            in_filter = self._scope[one.kind.name]
            names.update(one.reader.watched)
            names.update(name for name in one.kind.replicated if name.lower() in in_filter)
        if self._with_primary:
            names.add(NUMBER)
        return sorted(names)

    def follow(self, events: Sequence[Event]) -> Iterator[Page]:
        """What became of the objects of some events."""
        rest = iter(events)
        while batch := list(islice(rest, _TOGETHER)):
            alive = {event.guid: event for event in batch if not event.deleted}
            self._note_moved(alive)
            self._note_primary(alive)
            seen: dict[str, set[str]] = {}
            for one in self._objects:
                self._gone.extend(_tombstone(one, event.guid) for event in batch if event.deleted)
                seen[one.kind.name] = yield from self._as_they_are(one, alive)
            for one in self._objects:
                others = (seen[other.kind.name] for other in self._objects if _unrelated(one.kind, other.kind))
                there = seen[one.kind.name].union(*others)
                self._gone.extend(_tombstone(one, guid) for guid in alive if guid not in there)

    def rest(self) -> Iterator[Page]:
        """What follows from all events together: what is below moved containers, and primary groups."""
        for container in self._moved:
            for one in self._objects:
                yield from self._below(one, container)
        for one in self._with_primary:
            yield from self._primary_edges(one)

    def _as_they_are(self, one: Objects, events: Mapping[str, Event]) -> Generator[Page, None, set[str]]:
        """The objects of one type; gives the GUIDs of those that are there."""
        kind, large = one.kind, one.reader.large
        fresh: list[tuple[str, Entry]] = []
        changed: list[tuple[str, Entry]] = []
        edges: list[EdgePage] = []
        seen: set[str] = set()
        for dn, entry in self._found(kind.base, f"(&{kind.filter}{any_anchor(kind, events)})", one.reader.request):
            if kind.partition(dn) is None:
                continue
            anchor = kind.anchor_of(entry[ANCHOR])
            seen.add(anchor)
            event = events[anchor]
            if large is None or self._may_be_new(one, event):
                fresh.append((dn, entry))
                continue
            changed.append((dn, entry))
            if event.added or event.removed:
                edges.append(EdgePage(kind.name, anchor, large, _texts(event.added), _texts(event.removed)))
        yield from one.pages(fresh)
        yield from one.pages(changed, members=False)
        if edges:
            yield Page(edges=edges)
        return seen

    def _may_be_new(self, one: Objects, event: Event) -> bool:
        """Whether the object may just have come into its type, so that its members are not known yet."""
        scope = {"name", DELETED.lower(), "objectclass", *self._scope[one.kind.name]}
        return event.names is EVERYTHING or not scope.isdisjoint(event.names)

    # --- containers

    def _note_moved(self, events: Mapping[str, Event]) -> None:
        moved = [guid for guid, event in events.items() if _may_be_moved(event)]
        if moved:
            kind = next(one.kind for one in self._objects)
            asked = f"(&{_any_class(_CONTAINERS)}{any_anchor(kind, moved)})"
            self._moved.update((dn, None) for dn, _ in self._found(kind.base, asked, ["1.1"]))

    def _below(self, one: Objects, container: str) -> Iterator[Page]:
        if any(container != other and dns.below(container, other) for other in self._moved):
            return
        here = list(self._found(container, one.kind.filter, one.reader.request))
        inside = [(dn, entry) for dn, entry in here if one.kind.partition(dn) is not None]
        outside = [entry for dn, entry in here if one.kind.partition(dn) is None]
        self._gone.extend(_tombstone(one, one.kind.anchor_of(entry[ANCHOR])) for entry in outside)
        yield from one.pages(inside)

    def _found(self, base: str, filter: str, names: Sequence[str]) -> Iterator[tuple[str, Entry]]:
        for page in self._domain.session.pages(base, filter, names):
            yield from ((dn, entry) for dn, entry in page if dn is not None)

    # --- primary groups

    def _note_primary(self, events: Mapping[str, Event]) -> None:
        """A new primary group is a new membership. The one before becomes an ordinary member's, and is told as such."""
        for event in events.values() if self._with_primary else ():
            for number in event.entry.get(NUMBER.lower(), ()):
                self._primary.setdefault(int(number), []).append(event.dn)

    def _primary_edges(self, one: Objects) -> Iterator[Page]:
        kind, large = one.kind, one.reader.large
        if not self._primary or large is None:
            return
        for dn, entry in self._found(kind.base, kind.filter, [ANCHOR, SID]):
            members = self._primary.get(number_of(entry[SID][0])) if SID in entry else None
            if members and kind.partition(dn) is not None:
                yield Page(edges=[EdgePage(kind.name, kind.anchor_of(entry[ANCHOR]), large, members)])


def _tombstone(one: Objects, guid: str) -> ConnectorObject:
    return ConnectorObject(one.kind.name, guid, deleted=True)


def _unrelated(one: AdType, other: AdType) -> bool:
    """Whether no object can be of both classes."""
    return one.object_class not in other.classes and other.object_class not in one.classes


def _texts(values: Sequence[bytes]) -> list[str]:
    return [value.decode("utf-8", "replace") for value in values]


def _any_class(names: Sequence[str]) -> str:
    return "(|" + "".join(f"(objectClass={name})" for name in names) + ")"


def _may_be_moved(event: Event) -> bool:
    return event.names is EVERYTHING or ("name" in event.names and "objectclass" not in event.names)


def _attributes_in(filter: str) -> frozenset[str]:
    """The attributes that a filter speaks of, in lower case."""
    return frozenset(name.lower() for name in _NAMED.findall(filter))
