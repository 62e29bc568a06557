"""Writing large references: members and owners of groups, added twenty at a time, removed one by one, in batches."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Final, TypeAlias
from urllib.parse import quote, unquote

from muster.connectors.graph.answers import already_there, refusal, retry
from muster.connectors.graph.resources import GraphType
from muster.connectors.graph.session import BATCH, Answer, Request
from muster.model.changes import EdgeChange

AT_ONCE: Final = 20
"""References that one request may add."""
_MEMBERS: Final = "members"

Writing: TypeAlias = "Generator[Sequence[Request], list[Answer], Answer | str | None]"
"""Ends with None when it went well, with the answer by which the whole change is over, or with what was left out."""


class References:
    """Writes the large references of one object."""

    def __init__(self, kind: GraphType, anchor: str, graph: str, batches: int) -> None:
        self._kind = kind
        self._path = kind.path(anchor)
        self._graph = graph
        self._most = BATCH * batches
        self._there = False
        self._left_out: list[str] = []

    def write(self, edges: Iterator[EdgeChange] | None) -> Writing:
        """Add and remove; what is refused is named, and the rest is written."""
        requests: list[tuple[Request, str, Sequence[str]]] = []
        for request in self._requests(edges):
            requests.append(request)
            if len(requests) == self._most:
                over = yield from self._sent(requests)
                if over is not None:
                    return over
                requests = []
        over = yield from self._sent(requests)
        if over is not None:
            return over
        return "; ".join(self._left_out[:5]) or None

    def _requests(self, edges: Iterator[EdgeChange] | None) -> Iterator[tuple[Request, str, Sequence[str]]]:
        for part in edges or ():
            size = AT_ONCE if part.attribute == _MEMBERS else 1
            for at in range(0, len(part.add), size):
                some = part.add[at : at + size]
                yield self._addition(part.attribute, some), part.attribute, some
            for one in part.remove:
                yield Request("DELETE", f"{self._path}/{part.attribute}/{quote(one, safe='')}/$ref"), part.attribute, ()

    def _addition(self, relation: str, targets: Sequence[str]) -> Request:
        addresses = [f"{self._graph}/directoryObjects/{one}" for one in targets]
        if len(addresses) == 1:
            return Request("POST", f"{self._path}/{relation}/$ref", {"@odata.id": addresses[0]})
        return Request("PATCH", self._path, {f"{relation}@odata.bind": addresses})

    def _sent(
        self, requests: Sequence[tuple[Request, str, Sequence[str]]]
    ) -> Generator[Sequence[Request], list[Answer], Answer | None]:
        """Send some; twenty of which one is refused are sent again one by one."""
        if not requests:
            return None
        answers = yield [request for request, _, _ in requests]
        again: list[tuple[Request, str, Sequence[str]]] = []
        for (request, relation, targets), answer in zip(requests, answers, strict=True):
            if answer.good or (already_there(answer) and len(targets) == 1):
                continue
            if retry(answer):
                return answer
            if len(targets) > 1:
                again.extend((self._addition(relation, [one]), relation, [one]) for one in targets)
            elif answer.status == 404:
                gone = yield from self._is_gone()
                if gone is not None:
                    return gone
                if targets:
                    self._left_out.append(f"{relation} {targets[0]} is not in the directory")
            else:
                name = targets[0] if targets else unquote(request.path.split("/")[-2])
                self._left_out.append(refusal(f"{relation} {name}", answer).removesuffix("."))
        for at in range(0, len(again), self._most):
            over = yield from self._sent(again[at : at + self._most])
            if over is not None:
                return over
        return None

    def _is_gone(self) -> Generator[Sequence[Request], list[Answer], Answer | None]:
        """The answer by which the object itself is not there; asked once."""
        if self._there:
            return None
        (answer,) = yield [Request("GET", f"{self._path}?$select=id")]
        self._there = answer.good
        return None if answer.good else answer
