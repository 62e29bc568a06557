"""Reading a directory: all of it, page by page, or what changed, by delta queries.

https://learn.microsoft.com/graph/delta-query-overview
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from muster.connectors.graph import wire
from muster.connectors.graph.filters import TOGETHER, among, query
from muster.connectors.graph.resources import ANCHOR, MANAGER, GraphType
from muster.connectors.graph.session import BATCH, Answer, Request, Session
from muster.connectors.graph.wire import Body
from muster.model.errors import IncompleteRead, WatermarkExpired
from muster.model.objects import ConnectorObject, EdgePage, Page, ReadProblem

Wanted: TypeAlias = Mapping[str, Sequence[str]]

_LATEST: Final = "latest"
"""What stands for a token of one who wants to know only what comes."""
_DELTA_LINK: Final = "@odata.deltaLink"
_STALE: Final = frozenset({400, 404, 410})
"""With these a delta link is refused: too old, of another tenant, of an object type that is gone."""


class Watermark(msgspec.Struct, frozen=True):
    """By object type: where its changes go on, and the attributes that the directory tells of there."""

    links: dict[str, str]
    names: dict[str, list[str]]


class Reading:
    """One read in one session."""

    def __init__(self, session: Session, types: Mapping[str, GraphType], wanted: Wanted) -> None:
        self._session = session
        self._types = types
        self._wanted = wanted

    # --- everything

    def whole(self) -> Iterator[Page]:
        """All objects of the wanted types, and their references. The watermark is taken before the first page."""
        links = {name: self._latest(self._types[name], names) for name, names in self._wanted.items()}
        for name, names in self._wanted.items():
            yield from self._all(self._types[name], names)
        yield Page(
            watermark=self._watermark(links), complete_for=frozenset((name, "") for name in self._wanted), last=True
        )

    def _latest(self, kind: GraphType, names: Sequence[str]) -> str:
        request = self._delta(kind, names, _LATEST)
        for answer in self._session.pages(request):
            self._good(request, answer)
            link = answer.body.get(_DELTA_LINK)
            if isinstance(link, str):
                return link
        raise IncompleteRead(f"{self._session.system}: GET {request.path} gives no delta link. Look at `url`.")

    def _all(self, kind: GraphType, names: Sequence[str]) -> Iterator[Page]:
        asked = {"$select": ",".join(kind.selected(names)), "$top": str(self._session.settings.page_size)}
        if MANAGER in names and kind.has_manager:
            asked["$expand"] = f"{MANAGER}($select={ANCHOR})"
        request = Request("GET", f"{kind.path()}?{query(asked)}")
        relations = [one for one in kind.relations if one in names]
        for answer in self._session.pages(request):
            self._good(request, answer)
            page = page_of(kind, answer.values, names)
            yield page
            for relation in relations:
                yield from self._references(kind, relation, [one.anchor for one in page.objects])

    def _references(self, kind: GraphType, relation: str, anchors: Sequence[str]) -> Iterator[Page]:
        """What these objects refer to, all of it, twenty objects a request, however many references each has."""
        asked = query({"$select": ANCHOR, "$top": "999"})
        requests = [Request("GET", f"{kind.path(anchor)}/{relation}?{asked}") for anchor in anchors]
        for anchor, (request, answer) in zip(anchors, self._batched(requests), strict=True):
            if answer.status != 404:
                yield from self._followed(kind, relation, anchor, request, answer)

    def _followed(
        self, kind: GraphType, relation: str, anchor: str, request: Request, answer: Answer
    ) -> Iterator[Page]:
        """The references of one object, of which the first page is there. One that went meanwhile has none to tell."""
        while True:
            self._good(request, answer)
            following = answer.body.get("@odata.nextLink")
            last = not isinstance(following, str)
            values = list(dict.fromkeys(str(one[ANCHOR]) for one in answer.values if one.get(ANCHOR)))
            yield Page(edges=[EdgePage(kind.name, anchor, relation, values, whole=True, last=last)])
            if last:
                return
            request = Request("GET", str(following))
            answer = self._session.send(request)

    # --- what changed

    def changes(self, since: str) -> Iterator[Page]:
        """What changed after the watermark. Raises `WatermarkExpired` where the directory no longer tells."""
        before = self._read_watermark(since)
        links: dict[str, str] = {}
        for name, names in self._wanted.items():
            kind = self._types[name]
            request = Request("GET", before.links[name])
            for number, answer in enumerate(self._session.pages(request)):
                if (number == 0 and answer.status in _STALE) or answer.status == 410:
                    raise WatermarkExpired(
                        f"{self._session.system}: {name}: the directory no longer tells what changed since the last "
                        f"read ({answer.message}): everything is read."
                    )
                self._good(request, answer)
                yield self._changed(kind, answer.values, names)
                links[name] = str(answer.body.get(_DELTA_LINK) or links.get(name, ""))
            if not links[name]:
                raise IncompleteRead(f"{self._session.system}: {name}: the changes ended without a delta link.")
        yield Page(watermark=self._watermark(links), last=True)

    def _changed(self, kind: GraphType, resources: Sequence[Body], names: Sequence[str]) -> Page:
        there = [one for one in resources if "@removed" not in one]
        if MANAGER in names and kind.has_manager:
            there = self._with_managers(kind, there)
        page = page_of(kind, there, names)
        page.objects += [
            ConnectorObject(kind.name, str(one[ANCHOR]), deleted=True)
            for one in resources
            if "@removed" in one and one.get(ANCHOR)
        ]
        known = {one.anchor for one in page.objects}
        page.edges = [
            edge for one in there if one.get(ANCHOR) in known for edge in wire.changed_edges(kind, one, names)
        ]
        return page

    def _with_managers(self, kind: GraphType, resources: Sequence[Body]) -> list[Body]:
        """The users with their managers: a delta query tells only who got another one, and whom somebody lost.

        A user who is gone by now is left out: the next changes tell it.
        """
        sure: dict[int, Any] = {}
        for place, one in enumerate(resources):
            manager = wire.changed_manager(one)
            if manager is not None or not one.get(ANCHOR):
                sure[place] = {ANCHOR: manager}
        unsure = [str(one[ANCHOR]) for place, one in enumerate(resources) if place not in sure]
        managers = self._managers(kind, unsure)
        return [
            {**one, MANAGER: sure[place] if place in sure else managers[str(one[ANCHOR])]}
            for place, one in enumerate(resources)
            if place in sure or str(one[ANCHOR]) in managers
        ]

    def _managers(self, kind: GraphType, anchors: Sequence[str]) -> dict[str, Any]:
        """The managers of those users who are there, hundreds of users a request.

        Who is not in a list is asked for alone: Microsoft's lists lag behind, and who is left out is lost.
        """
        expanded = {"$select": ANCHOR, "$expand": f"{MANAGER}($select={ANCHOR})"}
        lists: list[Request] = []
        for at in range(0, len(anchors), TOGETHER):
            chosen = among(kind, ANCHOR, anchors[at : at + TOGETHER])
            assert chosen is not None
            lists.append(Request("GET", f"{kind.path()}?{query({**chosen.parameters, **expanded})}"))
        found = {
            str(one[ANCHOR]): one.get(MANAGER)
            for request, answer in self._batched(lists)
            for one in self._good(request, answer).values
            if one.get(ANCHOR)
        }
        alone = [Request("GET", f"{kind.path(one)}?{query(expanded)}") for one in anchors if one not in found]
        for request, answer in self._batched(alone):
            if answer.status != 404:
                one = self._good(request, answer).body
                found[str(one[ANCHOR])] = one.get(MANAGER)
        return found

    def _batched(self, requests: Sequence[Request]) -> Iterator[tuple[Request, Answer]]:
        for at in range(0, len(requests), BATCH):
            some = requests[at : at + BATCH]
            yield from zip(some, self._session.batch(some), strict=True)

    # --- both

    def _delta(self, kind: GraphType, names: Sequence[str], token: str) -> Request:
        references = [one for one in (MANAGER, *kind.relations) if one in names and one in kind.schema.attributes]
        asked = {"$select": ",".join([*kind.selected(names), *references]), "$deltatoken": token}
        return Request("GET", f"{kind.path()}/delta?{query(asked)}")

    def _good(self, request: Request, answer: Answer) -> Answer:
        if not answer.good:
            raise self._session.incomplete(request, answer)
        return answer

    def _watermark(self, links: dict[str, str]) -> str:
        names = {name: sorted(names) for name, names in self._wanted.items()}
        return msgspec.json.encode(Watermark(links, names)).decode()

    def _read_watermark(self, text: str) -> Watermark:
        """The watermark, when it covers what is wanted. Raises `WatermarkExpired`."""
        try:
            found = msgspec.json.decode(text, type=Watermark)
        except msgspec.DecodeError:
            found = Watermark({}, {})
        for name, names in self._wanted.items():
            link = found.links.get(name, "")
            if not link.startswith(f"{self._session.settings.graph}/") or not set(names) <= set(found.names[name]):
                raise WatermarkExpired(
                    f"{self._session.system}: {name}: the last read was another directory's, or did not ask for all "
                    "that is wanted now: everything is read."
                )
        return found


def page_of(kind: GraphType, resources: Sequence[Body], names: Sequence[str]) -> Page:
    """The resources as a page that is not the last."""
    page = Page()
    for resource in resources:
        found = wire.read(kind, resource, names)
        if isinstance(found, ReadProblem):
            page.problems.append(found)
        else:
            page.objects.append(found)
    return page
