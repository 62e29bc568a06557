"""Resources made, replaced, changed and removed: what must change in the system is worked out, and that is written."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.objects import ConnectorObject
from muster.model.schema import ENABLED
from muster.model.secrets import Secret
from muster.model.values import Document, Value, difference, same
from muster.server.scim import versions
from muster.server.scim.documents import EVERYTHING, Projection, canonical
from muster.server.scim.errors import ScimError, invalid_value, not_found
from muster.server.scim.patching import MemberChange, patched
from muster.server.scim.places import LACKING, Line, Resource, values_of
from muster.server.scim.reading import Reader
from muster.server.scim.referring import names_of, need_names
from muster.server.scim.resource_type import Members, ResourceType, has_value

_TOGETHER: Final = 1_000
"""Members in one chunk of a change."""
_AFTER: Final = 5.0
_keys = itertools.count(1)


@dataclass(slots=True)
class Written:
    """What is there now. `resource` None: the change was made, and what it left is not told."""

    number: str
    resource: Resource | None
    version: str | None


@dataclass(slots=True)
class _Edges:
    """What becomes of a group's members, by the system's names for them."""

    members: Members
    add: Sequence[str]
    remove: Sequence[str]

    def put(self, change: Change) -> None:
        """Into a change: as a stream, where there may be many."""
        if self.members.attribute.large:
            change.edges = self._chunks()
            return
        if change.action is Action.CREATE:
            change.values[self.members.name] = list(self.add) or None
            return
        if self.add:
            change.add[self.members.name] = list(self.add)
        if self.remove:
            change.remove[self.members.name] = list(self.remove)

    def _chunks(self) -> Iterator[EdgeChange]:
        name = self.members.name
        for at in range(0, max(len(self.add), len(self.remove)), _TOGETHER):
            yield EdgeChange(name, list(self.add[at : at + _TOGETHER]), list(self.remove[at : at + _TOGETHER]))


@dataclass(slots=True)
class Writer:
    """Writes the resources of one system for one client."""

    reader: Reader

    # --- what clients ask for

    def create(self, kind: ResourceType, body: Mapping[str, Any], projection: Projection = EVERYTHING) -> Written:
        """A new resource (RFC 7644 section 3.3). Raises `ScimError`."""
        resource = canonical(kind, body)
        document: Document = {name: value for name, value in kind.taken(resource).items() if value is not None}
        self._need(kind, document)
        self._refer(kind, document)
        if kind.of_system.can_enable and any(line.name == ENABLED for line in kind.lines):
            document.setdefault(ENABLED, True)
        document |= kind.computed(document, None)
        self._refuse_taken(kind, document, None)
        password = self._password(kind, document, resource.get("password"))
        anchor = document.get(kind.of_system.anchor)
        named = None if kind.of_system.assigned or anchor is None else str(anchor)
        change = Change(next(_keys), kind.object, Action.CREATE, named, document, password=password)
        if kind.members is not None:
            added = values_of(resource.get("members") or [], "members")
            names = self._names(kind.members, dict.fromkeys(map(str, added)))
            if names:
                _Edges(kind.members, names, ()).put(change)
        outcome = self.reader.objects.write(change)
        if outcome.result is Result.REJECTED and change.anchor is None and outcome.anchor is not None:
            # It was made, and something of it was refused (its password): a client that is told so tries again.
            self.reader.objects.write(Change(next(_keys), kind.object, Action.DELETE, outcome.anchor))
        self._told(kind, outcome, None, {})
        if outcome.anchor is None:
            raise ScimError(500, f"The system has made the {kind.name} and does not say which it is.")
        return self._written(kind, kind.id_of(outcome.anchor), projection)

    def replace(
        self,
        kind: ResourceType,
        number: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        projection: Projection = EVERYTHING,
    ) -> Written:
        """A resource as the client would have it (RFC 7644 section 3.5.1). Raises `ScimError`.

        What is not mentioned is cleared, but for members: a group of which none are mentioned keeps those it has.
        """
        found = self.reader.found(kind, number)
        versions.check(headers, found)
        before = kind.taken(self.reader.resource(kind, found, members=False))
        resource = canonical(kind, body)
        wanted = kind.taken(resource)
        for line in kind.lines:
            if line.attribute.writable == "always" and line.place.attribute != "meta":
                wanted.setdefault(line.name, before.get(line.name) if line.name == ENABLED else None)
        self._need(kind, {**found.values, **wanted})
        edges = None
        if kind.members is not None and resource.get("members", LACKING) is not LACKING:
            listed = values_of(resource["members"] or [], "members")
            change = MemberChange(cleared=True)
            change.added(str(one) for one in listed)
            edges = self._edges(kind, kind.members, found, change)
        self._update(kind, found, before, wanted, edges, resource.get("password"), headers)
        return self._written(kind, number, projection)

    def patch(
        self,
        kind: ResourceType,
        number: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        projection: Projection = EVERYTHING,
    ) -> Written:
        """A resource, changed (RFC 7644 section 3.5.2). Where members changed, the group is not read to show it.

        Raises `ScimError`.
        """
        found = self.reader.found(kind, number)
        versions.check(headers, found)
        before = self.reader.resource(kind, found, members=False)
        after = patched(kind, before, body)
        wanted = kind.taken(after.resource)
        for line in kind.lines:
            if line.attribute.writable != "never" and line.place.attribute != "meta":
                wanted.setdefault(line.name, None)
        edges = None
        if kind.members is not None and not after.members.empty:
            edges = self._edges(kind, kind.members, found, after.members)
        self._update(kind, found, kind.taken(before), wanted, edges, after.password, headers)
        if edges is not None and projection.only is None:
            return Written(number, None, None)
        return self._written(kind, number, projection)

    def delete(self, kind: ResourceType, number: str, headers: Mapping[str, str]) -> None:
        """No resource any more (RFC 7644 section 3.6). Raises `ScimError`."""
        anchor = kind.anchor_of(number)
        if anchor is None:
            raise not_found(kind.name, number)
        change = Change(next(_keys), kind.object, Action.DELETE, anchor)
        if versions.expects(headers):
            found = self.reader.found(kind, number)
            versions.check(headers, found)
            change.expected = _expected(kind, found)
        self._write(kind, change, headers)

    # --- how

    def _written(self, kind: ResourceType, number: str, projection: Projection) -> Written:
        found = self.reader.found(kind, number)
        resource = self.reader.resource(kind, found, projection)
        return Written(number, projection.of(resource), versions.version(found))

    def _update(
        self,
        kind: ResourceType,
        found: ConnectorObject,
        before: Document,
        wanted: Document,
        edges: _Edges | None,
        password: Any,
        headers: Mapping[str, str],
    ) -> None:
        """Write what differs from `before`, which is `wanted` as it was; references are ids in both."""
        schema = kind.of_system
        changed = {
            name: value for name, value in wanted.items() if not same(value, before.get(name), schema.attribute(name))
        }
        self._refer(kind, changed)
        self._refuse_fixed(kind, changed)
        document = {**found.values, **changed}
        more = kind.computed(document, frozenset(changed)) if changed else {}
        changed |= {n: v for n, v in more.items() if not same(v, found.values.get(n), schema.attribute(n))}
        self._refuse_taken(kind, changed, found.anchor)
        secret = self._password(kind, changed, password)
        change = Change(next(_keys), kind.object, Action.UPDATE, found.anchor)
        self._spread(change, kind, found, changed)
        if edges is not None and (edges.add or edges.remove):
            edges.put(change)
        if versions.expects(headers):
            change.expected = _expected(kind, found)
        if change.values or change.add or change.remove or change.edges is not None:
            self._write(kind, change, headers)
        if secret is not None:
            self._told(kind, self.reader.objects.set_password(kind, found.anchor, secret), found.anchor, headers)

    def _spread(self, change: Change, kind: ResourceType, found: ConnectorObject, changed: Document) -> None:
        """Values of many-valued attributes come and go one by one, so that what others wrote meanwhile stays."""
        for name, value in changed.items():
            attribute = kind.of_system.attribute(name)
            have = found.values.get(name)
            if isinstance(have, list) and isinstance(value, str | int | float):
                # SCIM shows the first of them alone, and it is that one which changes.
                value = [value, *(one for one in have[1:] if one != value)]
            if attribute.many and value is not None and have not in (None, []):
                add, remove = difference(have, value, attribute)
                if add:
                    change.add[name] = add
                if remove:
                    change.remove[name] = remove
            else:
                change.values[name] = value
        if change.values.get(ENABLED) is False:
            change.action = Action.DISABLE

    def _write(self, kind: ResourceType, change: Change, headers: Mapping[str, str]) -> Outcome:
        outcome = self.reader.objects.write(change)
        self._told(kind, outcome, change.anchor, headers)
        return outcome

    def _told(self, kind: ResourceType, outcome: Outcome, anchor: str | None, headers: Mapping[str, str]) -> None:
        """Raises `ScimError` for everything that is not done."""
        result, reason = outcome.result, outcome.reason.rstrip(".")
        if result is Result.DONE:
            return
        if result is Result.EXISTS:
            raise ScimError(409, f"There is such a {kind.name} already{f': {reason}' if reason else ''}.", "uniqueness")
        if result is Result.GONE:
            raise not_found(kind.name, kind.id_of(anchor or ""))
        if result is Result.CONFLICT:
            status = 412 if versions.expects(headers) else 409
            raise ScimError(status, f"The {kind.name} changed meanwhile: read it again.")
        if result is Result.RETRY:
            raise ScimError(503, "The system cannot do it now: try again later.", after=outcome.after or _AFTER)
        raise invalid_value(f"The system refuses this: {reason}.")

    # --- what must hold

    def _need(self, kind: ResourceType, document: Mapping[str, Value]) -> None:
        """Raises `ScimError` for a required attribute that has no value."""
        for line in kind.lines:
            if has_value(document, line.name) or line.attribute.writable == "never":
                continue
            definition = kind.definition(line.place.extension, line.place.attribute)
            if definition is None or not definition.required or line.name == ENABLED:
                continue
            part = definition.parts.get((line.place.part or "value").lower()) if definition.parts else definition
            if part is not None and part.required and line.name not in kind.values:
                raise invalid_value(f"{line.path} is required.")

    def _refuse_fixed(self, kind: ResourceType, changed: Document) -> None:
        for line in kind.lines:
            if line.name in changed and line.attribute.writable == "create":
                raise ScimError(400, f"{line.path} cannot be changed once it is there.", "mutability")

    def _refuse_taken(self, kind: ResourceType, document: Mapping[str, Value], own: str | None) -> None:
        """userName is nobody else's (RFC 7643 section 4.1.1). The system itself need not see to it."""
        line = kind.name_line
        if line is None or not has_value(document, line.name) or line.name == kind.of_system.anchor:
            return
        found = self.reader.objects.find(kind, {line.name: document[line.name]})
        if any(one.anchor != own for one in found):
            raise ScimError(409, f"There is a {kind.name} with this {line.path} already.", "uniqueness")

    def _password(self, kind: ResourceType, document: Document, given: Any) -> Secret | None:
        """The new password, where one is given; into the document, where an attribute of the system holds it."""
        if given in (None, "") or not kind.password:
            return None
        if not isinstance(given, str):
            raise invalid_value("password: expected a text.")
        if kind.hidden is None:
            return Secret(given)
        document[kind.hidden.name] = given
        return None

    # --- references and members

    def _refer(self, kind: ResourceType, document: Document) -> None:
        """Ids of other resources become the names that the system has for them."""
        for line in kind.references():
            value = document.get(line.name)
            if value is None or line.attribute.type != "reference":
                continue
            document[line.name] = need_names(self.reader.objects, self._user(line), [str(value)], line.path)[0]

    def _user(self, line: Line) -> ResourceType:
        try:
            return self.reader.named("User")
        except StopIteration:
            raise invalid_value(f"{line.path}: this service has no users.") from None

    def _names(self, members: Members, ids: Iterable[str]) -> list[str]:
        wanted = list(ids)
        return need_names(self.reader.objects, self.reader.named(members.to), wanted, "members") if wanted else []

    def _edges(self, kind: ResourceType, members: Members, found: ConnectorObject, change: MemberChange) -> _Edges:
        if members.attribute.writable == "never":
            raise ScimError(400, "members is read-only.", "mutability")
        to = self.reader.named(members.to)
        if not change.needs_all:
            gone = self._known(to, list(change.remove))
            return _Edges(members, self._names(members, change.add), gone)
        have = list(self.reader.members(kind, members, found))
        wanted = {} if change.cleared else {str(one["value"]): None for one in have}
        for fits in change.chosen:
            for one in have:
                if fits(one):
                    wanted.pop(str(one["value"]), None)
        for number in change.remove:
            wanted.pop(number, None)
        wanted |= change.add
        held = {str(one["value"]) for one in have}
        added = self._names(members, [one for one in wanted if one not in held])
        return _Edges(members, added, self._known(to, [one for one in held if one not in wanted]))

    def _known(self, to: ResourceType, ids: Sequence[str]) -> list[str]:
        """The names of those that there are: whoever is gone is no member any more."""
        from_ids = names_of(self.reader.objects, to, ids)
        return [from_ids[one] for one in ids if one in from_ids]


def _expected(kind: ResourceType, found: ConnectorObject) -> dict[str, Value]:
    """What the object must still show when it is written, as far as all systems compare it alike."""
    return {
        line.name: found.values.get(line.name)
        for line in kind.lines
        if not line.attribute.many and line.attribute.type in ("text", "integer", "boolean") and line.name != ENABLED
    }
