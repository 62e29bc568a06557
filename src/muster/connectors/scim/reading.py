"""Reading a service provider whole, and proving that it was whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Final

from muster.connectors.kit.http import TooLarge
from muster.connectors.scim import wire
from muster.connectors.scim.names import Resource
from muster.connectors.scim.session import LostCursor, Session
from muster.connectors.scim.wire import ScimType
from muster.model.errors import IncompleteRead
from muster.model.objects import Page, ReadProblem

_FEWEST: Final = 2
"""Objects in the smallest page: each begins with the last object of the page before."""
_PASSES: Final = 3
"""How often a list that changes under the reader is read from its start."""


def everything(session: Session, types: Mapping[str, ScimType], wanted: Mapping[str, Sequence[str]]) -> Iterator[Page]:
    """All objects of the wanted types. A type whose list would not hold still is not complete: a problem says so."""
    complete: set[tuple[str, str]] = set()
    for name, attributes in wanted.items():
        kind = types[name]
        listing = Listing(session, kind, attributes)
        for resources in listing.resources():
            yield page_of(kind, resources, attributes)
        if listing.whole:
            complete.add((name, ""))
        else:
            yield Page(problems=[ReadProblem(name, None, _RESTLESS, kind.endpoint)])
    yield Page(complete_for=frozenset(complete), last=True)


def page_of(kind: ScimType, resources: Sequence[Resource], wanted: Sequence[str]) -> Page:
    """The resources as a page that is not the last."""
    page = Page()
    ids = Counter(str(resource.get("id")) for resource in resources if resource.get("id"))
    doubles = {anchor for anchor, count in ids.items() if count > 1}
    page.problems = [ReadProblem(kind.name, anchor, _DOUBLE, kind.endpoint) for anchor in sorted(doubles)]
    for resource in resources:
        if doubles and resource.get("id") in doubles:
            continue
        found, edges, problem = wire.read(kind, resource, wanted)
        if problem is not None:
            page.problems.append(problem)
        if found is not None:
            page.objects.append(found)
        page.edges.extend(edges)
    return page


class Listing:
    """All resources of one type, page by page; `whole` says afterwards whether none can have been missed.

    With an index (RFC 7644 section 3.4.2.4), each page begins with the last object of the page before. When that is
    not there any more, or the number of objects changed, the list moved under the reader, and is read once more:
    objects that were seen are left out, and only a pass in which nothing moved proves that all were seen. With a cursor
    (RFC 9865) the server keeps the list still itself; one that it no longer knows begins again.

    `wanted`: the attributes that are needed, all but the large one where it does not say.
    """

    def __init__(
        self, session: Session, kind: ScimType, wanted: Sequence[str] | None = None, filter: str | None = None
    ) -> None:
        self.whole = False
        self._session = session
        self._kind = kind
        self._params: dict[str, str | int] = {
            "count": session.page_size,
            **wire.selection(kind, wanted, kind.large in (wanted or ())),
        }
        if filter is not None:
            self._params["filter"] = filter

    def resources(self) -> Iterator[list[Resource]]:
        """Each resource once. Raises `IncompleteRead` and what ends the session."""
        seen: set[object] = set()
        by_cursor = self._session.provider.cursor
        for _ in range(_PASSES):
            if by_cursor:
                by_cursor = yield from self._by_cursor(seen)
            else:
                yield from self._one_pass(seen)
            if self.whole:
                return

    def _by_cursor(self, seen: set[object]) -> Generator[list[Resource], None, bool]:
        """One pass; False: the server does not do what it says of cursors."""
        cursor, found = "", 0
        known: set[str] = set()
        while True:
            try:
                answered = self._page("cursor", cursor)
            except LostCursor:
                return True
            resources = _resources(answered)
            found += len(resources)
            fresh = self._fresh(resources, seen)
            if fresh:
                yield fresh
            cursor = str(answered.get("nextCursor") or "")
            if not cursor:
                total = answered.get("totalResults")
                self.whole = not isinstance(total, int) or found >= total
                return bool(known) or self.whole
            if cursor in known:
                raise IncompleteRead(f"{self._kind.endpoint}: the list goes in a circle: cursor {cursor!r} came twice.")
            known.add(cursor)

    def _page(self, name: str, place: str | int) -> Resource:
        """One page; where its objects are too large together (groups with all members), of a quarter each time."""
        while True:
            try:
                return self._session.listed_page(self._kind.endpoint, {**self._params, name: place})
            except TooLarge:
                count = int(self._params["count"])
                if count <= _FEWEST:
                    raise
                self._params["count"] = max(_FEWEST, count // 4)

    @staticmethod
    def _fresh(resources: list[Resource], seen: set[object]) -> list[Resource]:
        """Those that no page before showed."""
        fresh = [one for one in resources if one.get("id") not in seen]
        seen.update(one.get("id") for one in fresh)
        return fresh

    def _one_pass(self, seen: set[object]) -> Iterator[list[Resource]]:
        start, total, found, last = 1, -1, 0, None
        while True:
            answered = self._page("startIndex", start)
            resources = _resources(answered)
            if total not in (-1, answered["totalResults"]):
                return
            total = answered["totalResults"]
            if last is not None:
                if not resources or resources[0].get("id") != last:
                    return
                resources = resources[1:]
            found += len(resources)
            fresh = self._fresh(resources, seen)
            if fresh:
                yield fresh
            if found >= total or not resources:
                self.whole = found == total
                return
            last = resources[-1].get("id")
            start = found


def _resources(answered: Resource) -> list[Resource]:
    found = answered.get("Resources")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


_DOUBLE: Final = "the server shows several objects with this `id`; none of them is read. Have it show each once."
_RESTLESS: Final = (
    f"the list changed under the reader {_PASSES} times. Read at a quieter hour, or in larger pages (`page_size`)."
)
