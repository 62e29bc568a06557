"""Single resources and lists of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from scim2_models.path import FilterNode

from muster.model.objects import ConnectorObject
from muster.model.values import Value
from muster.server.scim import pushing
from muster.server.scim.definitions import Definition
from muster.server.scim.documents import EVERYTHING, Projection
from muster.server.scim.errors import ScimError, invalid_filter, invalid_path, not_found
from muster.server.scim.filters import Test, parsed, tested
from muster.server.scim.listings import Found, Listing, Listings
from muster.server.scim.objects import Objects
from muster.server.scim.places import Resource
from muster.server.scim.referring import ids_of, names_of
from muster.server.scim.resource_type import Members, ResourceType
from muster.server.scim.versions import version

LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PAGE: Final = 100
LARGEST_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Query:
    """What a client asks for (RFC 7644 section 3.4.2). `cursor` None: by index; "": the first page by cursor."""

    filter: str | None = None
    sort_by: str | None = None
    descending: bool = False
    start: int = 1
    count: int = PAGE
    cursor: str | None = None
    projection: Projection = EVERYTHING

    def owner(self, who: str, kinds: Sequence[ResourceType]) -> tuple[str, ...]:
        """Whose query this is, and which."""
        endpoints = ",".join(kind.endpoint for kind in kinds)
        return (who, endpoints, self.filter or "", self.sort_by or "", "descending" if self.descending else "")


@dataclass(slots=True)
class Reader:
    """Reads the resources of one system for one client. `base`: the address of the service; `who`: the client."""

    objects: Objects
    listings: Listings
    base: str
    who: str
    _types: Mapping[str, ResourceType] = field(init=False)

    def __post_init__(self) -> None:
        self._types = self.objects.types()

    # --- one resource

    def found(self, kind: ResourceType, number: str) -> ConnectorObject:
        """The object of a resource. Raises `ScimError` when there is none."""
        anchor = kind.anchor_of(number)
        found = self.objects.get(kind, anchor) if anchor is not None else None
        if found is None:
            raise not_found(kind.name, number)
        return found

    def resource(
        self, kind: ResourceType, found: ConnectorObject, projection: Projection = EVERYTHING, *, members: bool = True
    ) -> Resource:
        """The resource of an object, whole; with its members where somebody wants them."""
        (made,) = self.resources(kind, [found], projection, members=members)
        return made

    def resources(
        self,
        kind: ResourceType,
        found: Sequence[ConnectorObject],
        projection: Projection = EVERYTHING,
        *,
        members: bool = True,
    ) -> list[Resource]:
        """The resources of some objects."""
        made = [kind.shown(one, self.base) for one in found]
        for resource, one in zip(made, found, strict=True):
            resource["meta"]["version"] = version(one)
        self._refer(kind, made)
        if members and kind.members is not None and projection.wants("members"):
            for resource, one in zip(made, found, strict=True):
                listed = list(self.members(kind, kind.members, one))
                if listed:
                    resource["members"] = listed
        return made

    def members(self, kind: ResourceType, members: Members, found: ConnectorObject) -> Iterator[Resource]:
        """The members of a group."""
        to = self.named(members.to)
        names = self.member_names(kind, members, found)
        ids = ids_of(self.objects, to, names)
        for name in names:
            number = ids.get(name)
            if number is not None:
                yield {"value": number, "$ref": to.location(self.base, number), "type": to.name}

    def member_names(self, kind: ResourceType, members: Members, found: ConnectorObject) -> list[str]:
        """Its members, as the system names them."""
        if not members.attribute.large:
            return _texts(found.values.get(members.name))
        pages = self.objects.references(kind, found.anchor, members.name)
        return list(dict.fromkeys(one for page in pages for one in page))

    def named(self, name: str) -> ResourceType:
        """The resource type of that name."""
        return next(one for one in self._types.values() if one.name == name)

    def _refer(self, kind: ResourceType, resources: Sequence[Resource]) -> None:
        """Give references to others (`manager`) the ids of these, and their addresses."""
        to = next((one for one in self._types.values() if one.name == "User"), None)
        for line in kind.references():
            extension, name = line.place.extension, line.place.attribute
            holders = [one.get(extension, {}) if extension else one for one in resources]
            told = [holder[name] for holder in holders if name in holder]
            if to is None or not told:
                continue
            names = list(dict.fromkeys(str(one["value"]) for one in told))
            ids = ids_of(self.objects, to, names) if line.attribute.name and _is_reference(line.attribute) else None
            for holder in holders:
                if name not in holder:
                    continue
                number = holder[name]["value"] if ids is None else ids.get(holder[name]["value"])
                if number is None:
                    del holder[name]
                else:
                    holder[name] = {"value": number, "$ref": to.location(self.base, number)}

    # --- lists

    def listed(self, kinds: Sequence[ResourceType], query: Query) -> Resource:
        """The answer to a query over one resource type or several."""
        owner = query.owner(self.who, kinds)
        if query.cursor:
            listing, start = self.listings.at(query.cursor, owner)
            return self._page(listing.found, start, query, listing)
        known = self.listings.of(owner) if query.cursor is None and query.start > 1 else None
        if known is not None:
            return self._page(known.found, query.start - 1, query, known)
        found = self._search(kinds, query)
        start = query.start - 1 if query.cursor is None else 0
        more = len(found) > start + query.count and query.count > 0
        return self._page(found, start, query, self.listings.keep(owner, found) if more else None)

    def _page(self, found: Sequence[Found], start: int, query: Query, listing: Listing | None) -> Resource:
        chosen = found[start : start + query.count]
        resources = self._shown(chosen, query.projection)
        answer: Resource = {"schemas": [LIST], "totalResults": len(found), "itemsPerPage": len(resources)}
        if query.cursor is None:
            answer["startIndex"] = start + 1
        elif listing is not None:
            if start + query.count < len(found):
                answer["nextCursor"] = self.listings.cursor(listing, start + query.count)
            if start > 0:
                answer["previousCursor"] = self.listings.cursor(listing, max(0, start - query.count))
        answer["Resources"] = resources
        return answer

    def _shown(self, chosen: Sequence[Found], projection: Projection) -> list[Resource]:
        by_kind: dict[str, list[str]] = {}
        for endpoint, number in chosen:
            by_kind.setdefault(endpoint, []).append(number)
        made: dict[Found, Resource] = {}
        for endpoint, numbers in by_kind.items():
            kind = self._types[endpoint]
            found = self.objects.find_any(kind, kind.of_system.anchor, _anchors(kind, numbers))
            for one, resource in zip(found, self.resources(kind, found, projection), strict=True):
                made[endpoint, kind.id_of(one.anchor)] = projection.of(resource)
        return [made[one] for one in chosen if one in made]

    def _search(self, kinds: Sequence[ResourceType], query: Query) -> list[Found]:
        """What a query finds, in its order; without one, by id."""
        node = parsed(query.filter) if query.filter else None
        rows: list[tuple[Any, Found]] = []
        for kind in kinds:
            key = _sort_key(kind, query.sort_by)
            rows += [
                (key(one) if key else None, (kind.endpoint.lower(), one["id"]))
                for one in self._fitting(kind, node, key is not None)
            ]
        if query.sort_by is None:
            return [found for _, found in rows] if len(kinds) > 1 else sorted(found for _, found in rows)
        have = [row for row in rows if row[0] is not None]
        lack = [row for row in rows if row[0] is None]
        have.sort(key=lambda row: row[0], reverse=query.descending)
        return [found for _, found in ([*lack, *have] if query.descending else [*have, *lack])]

    def _fitting(self, kind: ResourceType, node: FilterNode | None, whole: bool) -> Iterator[Resource]:
        """The resources that fit the filter, as far as it and the order need them."""
        if node is None:
            names = [line.name for line in kind.lines] if whole else []
            yield from self._tested(kind, self.objects.everything(kind, names), None)
            return
        asked = pushing.sought(node, kind)
        if asked.nothing:
            return
        rest: FilterNode | None = node
        if kind.members is not None:
            if not pushing.member_only(node, kind):
                raise invalid_filter('Members can be asked for with `members eq "ID"` and `and` alone.')
            rest = pushing.without_members(node, kind)
        test = tested(rest, kind) if rest is not None else None
        yield from self._tested(kind, self._candidates(kind, asked), test)

    def _candidates(self, kind: ResourceType, asked: pushing.Sought) -> Iterable[ConnectorObject]:
        anchor = kind.of_system.anchor
        if asked.everything:
            return self.objects.everything(kind, [line.name for line in kind.lines])
        if asked.members:
            return self._with_members(kind, asked)
        if asked.numbers is not None:
            return self.objects.find_any(kind, anchor, _anchors(kind, asked.numbers))
        if asked.anyone is not None:
            return self.objects.find_any(kind, asked.anyone[0], list(asked.anyone[1]))
        return self.objects.find(kind, asked.equal)

    def _with_members(self, kind: ResourceType, asked: pushing.Sought) -> list[ConnectorObject]:
        """The groups that have these members: the system is asked, and no group is read."""
        assert kind.members is not None
        names = names_of(self.objects, self.named(kind.members.to), asked.members)
        if any(one not in names for one in asked.members):
            return []
        equal: dict[str, Value] = dict(asked.equal)
        if asked.numbers is not None:
            equal[kind.of_system.anchor] = kind.anchor_of(asked.numbers[0])
        found: list[ConnectorObject] | None = None
        for one in asked.members:
            fits = self.objects.find(kind, {**equal, kind.members.name: names[one]})
            mine = {each.anchor for each in fits}
            found = fits if found is None else [each for each in found if each.anchor in mine]
        return found or []

    def _tested(self, kind: ResourceType, found: Iterable[ConnectorObject], test: Test | None) -> Iterator[Resource]:
        if test is None:
            yield from (kind.shown(one, self.base) for one in found)
            return
        refer = any(_is_reference(line.attribute) for line in kind.references())
        batch: list[ConnectorObject] = []
        for one in found:
            if not refer:
                resource = kind.shown(one, self.base)
                if test(resource):
                    yield resource
                continue
            batch.append(one)
            if len(batch) == LARGEST_PAGE:
                yield from self._referred(kind, batch, test)
                batch = []
        yield from self._referred(kind, batch, test)

    def _referred(self, kind: ResourceType, batch: Sequence[ConnectorObject], test: Test) -> Iterator[Resource]:
        made = [kind.shown(one, self.base) for one in batch]
        self._refer(kind, made)
        yield from (one for one in made if test(one))


def _is_reference(attribute: Any) -> bool:
    return bool(attribute.type == "reference")


def _anchors(kind: ResourceType, numbers: Iterable[str]) -> list[Value]:
    return [anchor for one in numbers if (anchor := kind.anchor_of(one)) is not None]


def _texts(value: Value) -> list[str]:
    return [] if value is None else [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _sort_key(kind: ResourceType, path: str | None) -> Callable[[Resource], Any] | None:
    """What a resource is sorted by; None where it has nothing of the kind. Raises `ScimError`."""
    if path is None:
        return None
    extension, _, rest = path.rpartition(":")
    name, _, part = rest.partition(".")
    if extension.lower() == kind.schema.lower():
        extension = ""
    definition = kind.definition(extension, name)
    inner = (
        definition.parts.get((part or "value").lower()) if definition is not None and definition.parts else definition
    )
    if definition is None or inner is None:
        if definition is not None:
            raise invalid_path(f"sortBy: {path[:200]!r} has parts: name one of them.")
        return lambda _: None
    if definition.name == "members":
        raise ScimError(400, "Groups are not sorted by their members.", "invalidPath")
    urn = kind.extension(extension) if extension else ""
    return lambda resource: _sorted_by(resource.get(urn, {}) if urn else resource, definition, inner)


def _sorted_by(holder: Mapping[str, Any], definition: Definition, inner: Definition) -> Any:
    value = holder.get(definition.name)
    if isinstance(value, list):
        value = next(
            (one for one in value if isinstance(one, Mapping) and one.get("primary")), value[0] if value else None
        )
    if isinstance(value, Mapping):
        value = value.get(inner.name)
    if value is None or isinstance(value, list | Mapping):
        return None
    if isinstance(value, bool | int | float):
        return (0, float(value), "")
    return (1, 0.0, value if inner.exact else value.casefold())
