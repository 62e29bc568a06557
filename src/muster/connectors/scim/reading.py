"""Reading a service provider whole, and proving that it was whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from muster.connectors.scim import wire
from muster.connectors.scim.session import Session
from muster.connectors.scim.wire import Resource, ScimType
from muster.model.objects import Page, ReadProblem

_PASSES: Final = 3
"""How often a list that changes under the reader is read from its start."""


def everything(session: Session, types: Mapping[str, ScimType], wanted: Mapping[str, Sequence[str]]) -> Iterator[Page]:
    """All objects of the wanted types. A type whose list would not hold still is not complete: a problem says so."""
    complete: set[tuple[str, str]] = set()
    for name, attributes in wanted.items():
        kind = types[name]
        listing = Listing(session, kind, with_large=kind.large in attributes)
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
    (RFC 9865) the server keeps the list still itself.
    """

    def __init__(self, session: Session, kind: ScimType, with_large: bool, filter: str | None = None) -> None:
        self.whole = False
        self._session = session
        self._kind = kind
        self._params: dict[str, str | int] = {"count": session.page_size}
        if kind.large is not None and not with_large:
            self._params["excludedAttributes"] = kind.large
        if filter is not None:
            self._params["filter"] = filter

    def resources(self) -> Iterator[list[Resource]]:
        """Each resource once. Raises `IncompleteRead` and what ends the session."""
        if self._session.provider.cursor:
            yield from self._by_cursor()
            return
        seen: set[object] = set()
        for _ in range(_PASSES):
            yield from self._one_pass(seen)
            if self.whole:
                return

    def _by_cursor(self) -> Iterator[list[Resource]]:
        cursor = ""
        while True:
            answered = self._session.listed_page(self._kind.endpoint, {**self._params, "cursor": cursor})
            yield _resources(answered)
            cursor = str(answered.get("nextCursor") or "")
            if not cursor:
                self.whole = True
                return

    def _one_pass(self, seen: set[object]) -> Iterator[list[Resource]]:
        start, total, found, last = 1, -1, 0, None
        while True:
            answered = self._session.listed_page(self._kind.endpoint, {**self._params, "startIndex": start})
            resources = _resources(answered)
            if total not in (-1, answered["totalResults"]):
                return
            total = answered["totalResults"]
            if last is not None:
                if not resources or resources[0].get("id") != last:
                    return
                resources = resources[1:]
            found += len(resources)
            fresh = [one for one in resources if one.get("id") not in seen]
            seen.update(one.get("id") for one in fresh)
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
