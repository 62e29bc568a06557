"""Deleted users and groups: kept for 30 days, found by their source anchor, brought back.

https://learn.microsoft.com/graph/api/resources/directory
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from muster.connectors.graph.filters import TOGETHER, among, query
from muster.connectors.graph.reading import page_of
from muster.connectors.graph.resources import SOURCE_ANCHOR, GraphType
from muster.connectors.graph.session import BATCH, Answer, Request, Session
from muster.model.objects import ConnectorObject
from muster.model.values import Value

_ITEMS: Final = "/directory/deletedItems"
_WHEN: Final = "deletedDateTime"
_ADVANCED: Final = {"ConsistencyLevel": "eventual"}


class Deleted:
    """The deleted objects of one type in one session."""

    def __init__(self, session: Session, kind: GraphType) -> None:
        self._session = session
        self._kind = kind
        self._path = f"{_ITEMS}/microsoft.graph.{kind.cast}"
        names = [*kind.selected(kind.shown), _WHEN]
        self._asked = {"$count": "true", "$select": ",".join(names), "$top": str(session.settings.page_size)}

    def find(self, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """Those that have one of these source anchors; of several with one, the one that was deleted last."""
        wanted = list(dict.fromkeys(str(value) for value in values if value))
        found: dict[str, Mapping[str, Any]] = {}
        for one in self._few(wanted) if len(wanted) <= TOGETHER * BATCH else self._all():
            anchor = str(one.get(SOURCE_ANCHOR))
            if anchor not in found or str(found[anchor].get(_WHEN)) < str(one.get(_WHEN)):
                found[anchor] = one
        chosen = [dict(found[value]) for value in wanted if value in found]
        yield from page_of(self._kind, chosen, self._kind.shown).objects

    def _few(self, wanted: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """One batch of filters, each for some of the source anchors."""
        requests = []
        for at in range(0, len(wanted), TOGETHER):
            chosen = among(self._kind, SOURCE_ANCHOR, wanted[at : at + TOGETHER])
            assert chosen is not None
            requests.append(self._list({**self._asked, **chosen.parameters}))
        for request, answer in zip(requests, self._session.batch(requests) if requests else (), strict=True):
            yield from self._values(request, answer)

    def _all(self) -> Iterator[Mapping[str, Any]]:
        """All that is deleted: cheaper than to ask for so many."""
        request = self._list(self._asked)
        for answer in self._session.pages(request):
            yield from self._values(request, answer)

    def _list(self, parameters: Mapping[str, str]) -> Request:
        return Request("GET", f"{self._path}?{query(parameters)}", None, _ADVANCED)

    def _values(self, request: Request, answer: Answer) -> Sequence[Mapping[str, Any]]:
        if not answer.good:
            raise self._session.incomplete(request, answer)
        return answer.values


def restoring(anchor: str) -> Request:
    """The request that brings a deleted object back."""
    return Request("POST", f"{_ITEMS}/{anchor}/restore", {})
