"""`$batch`: several requests in one (https://learn.microsoft.com/graph/json-batching).

Requests run one after the other, those that others depend on first. Neighbours that write share a transaction, in which
each is undone by itself when it fails: twenty changes cost one commit. Neighbours that make users are made at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from muster.directory.work import Work
from muster.model.errors import StoreError
from muster.server.graph.call import Answer, Request
from muster.server.graph.dispatch import Caller, Dispatcher, Pace
from muster.server.graph.documents import JSON
from muster.server.graph.errors import GraphError, bad_request
from muster.server.graph.throttle import Throttle

MOST: Final = 20
"""Requests of one batch."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_VERSION: Final = re.compile(r"/?(v1\.0/)?")
_MICROSOFT: Final = "https://graph.microsoft.com/v1.0"
_METHODS: Final = ("GET", "POST", "PATCH", "PUT", "DELETE")


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch."""

    id: str
    request: Request
    after: tuple[str, ...]


def parts(document: Mapping[str, Any], base: str) -> list[Part]:
    """The requests of a batch to the endpoint at `base`, in an order in which they can run. Raises `GraphError`."""
    requests = document.get("requests")
    if not isinstance(requests, list) or not requests:
        raise bad_request("Invalid batch payload format: 'requests' must be a list of requests.")
    if len(requests) > MOST:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {MOST}.")
    found = [_part(one, base) for one in requests]
    known = {one.id.lower(): one for one in found}
    if len(known) < len(found):
        raise bad_request("Duplicate request id in the batch: ids must be unique, case apart.")
    for one in found:
        for other in one.after:
            if other.lower() not in known:
                raise bad_request(f"Invalid dependsOn '{other[:100]}' of request '{one.id}': there is no such request.")
    return _ordered(found)


def _part(value: Any, base: str) -> Part:
    if not isinstance(value, dict):
        raise bad_request("Invalid batch payload format: a request must be an object.")
    number, method, url = value.get("id"), value.get("method"), value.get("url")
    if isinstance(number, int) and not isinstance(number, bool):
        number = str(number)
    if not isinstance(number, str) or not number or len(number) > 200:
        raise bad_request("Invalid batch payload format: each request needs an id.")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise bad_request(f"Invalid method of request '{number}': expected one of {', '.join(_METHODS)}.")
    if not isinstance(url, str) or not url:
        raise bad_request(f"Invalid url of request '{number}': expected one relative to /v1.0, such as /users.")
    headers, after, body = value.get("headers") or {}, value.get("dependsOn") or [], value.get("body")
    if not isinstance(headers, dict) or not all(isinstance(one, str) for one in headers.values()):
        raise bad_request(f"Invalid headers of request '{number}': expected texts by name.")
    if not isinstance(after, list) or not all(isinstance(one, str) for one in after):
        raise bad_request(f"Invalid dependsOn of request '{number}': expected a list of ids.")
    lowered = {str(name).lower(): str(text) for name, text in headers.items()}
    if body is not None:
        if not isinstance(body, dict):
            raise bad_request(f"Invalid body of request '{number}': expected a JSON object.")
        if "content-type" not in lowered:
            raise bad_request(f"Write request id : {number} does not contain Content-Type header or body.")
        if lowered["content-type"].split(";")[0].strip().lower() != JSON:
            raise bad_request(f"Invalid content type of request '{number}': only {JSON} is supported.")
    path, _, query = _relative(url, base, number).partition("?")
    return Part(number, Request(method.upper(), path, query, lowered, body), tuple(after))


def _relative(url: str, base: str, number: str) -> str:
    """What follows /v1.0. Some of Microsoft's own clients send whole addresses; those of elsewhere are refused."""
    if _SCHEME.match(url):
        root = next((one for one in (base, _MICROSOFT) if url.startswith(f"{one}/")), None)
        if root is None:
            raise bad_request(f"Invalid url of request '{number}': expected one relative to {base}, such as /users.")
        return url[len(root) + 1 :]
    return _VERSION.sub("", url, count=1)


def _ordered(found: list[Part]) -> list[Part]:
    """Each after those it depends on, else as they stand. Raises `GraphError` for a circle."""
    done: set[str] = set()
    order: list[Part] = []
    waiting = list(found)
    while waiting:
        ready = [one for one in waiting if all(other.lower() in done for other in one.after)]
        if not ready:
            raise bad_request("Invalid dependsOn: the requests wait for each other in a circle.")
        order += ready
        done.update(one.id.lower() for one in ready)
        waiting = [one for one in waiting if one.id.lower() not in done]
    return order


class Batch:
    """The run of one batch."""

    def __init__(self, dispatcher: Dispatcher, throttle: Throttle, caller: Caller) -> None:
        self._dispatcher = dispatcher
        self._throttle = throttle
        self._caller = caller
        self._answers: dict[str, Answer] = {}

    def pace(self, order: list[Part]) -> Pace:
        """How long it may take: as the longest of its requests."""
        return max(self._pace_of(one) for one in order)

    def _pace_of(self, part: Part) -> Pace:
        try:
            return self._dispatcher.pace(part.request)
        except GraphError:
            return Pace.QUICK

    def run(self, order: list[Part]) -> dict[str, Any]:
        """The document with every answer."""
        at = 0
        while at < len(order):
            end = at
            while end < len(order) and self._dispatcher.writes(order[end].request):
                end += 1
            if end == at:
                self._single(order[at])
                end += 1
            else:
                self._together(order[at:end])
            at = end
        return {"responses": [_shown(one.id, self._answers[one.id.lower()]) for one in order]}

    def _single(self, part: Part) -> None:
        answer = self._refused(part, self._answers)
        self._answers[part.id.lower()] = answer or self._dispatcher.answer(part.request, self._caller)

    def _together(self, group: list[Part]) -> None:
        """Writes in one transaction. What cannot be committed did not happen, whatever each was told."""
        try:
            told = self._dispatcher.change(self._caller, lambda work: self._told(group, work))
        except StoreError:
            gone = GraphError(503, "serviceNotAvailable", "The directory cannot be reached now.")
            told = {part.id.lower(): self._dispatcher.error(gone, self._caller) for part in group}
        self._answers.update(told)

    def _told(self, group: list[Part], work: Work) -> dict[str, Answer]:
        """What each of several writes is told, once they are committed."""
        told: dict[str, Answer] = {}
        for alike in self._alike(group):
            known = {**self._answers, **told}
            refused = {part.id: answer for part in alike if (answer := self._refused(part, known)) is not None}
            rest = [part for part in alike if part.id not in refused]
            answers = self._dispatcher.answer_alike([part.request for part in rest], self._caller, work)
            done = refused | {part.id: answer for part, answer in zip(rest, answers, strict=True)}
            told |= {number.lower(): answer for number, answer in done.items()}
        return told

    def _alike(self, group: list[Part]) -> list[list[Part]]:
        """Neighbours that can be done at once, together; each other request by itself."""
        found: list[list[Part]] = []
        for part in group:
            if found and not part.after and self._dispatcher.alike(found[-1][-1].request, part.request):
                found[-1].append(part)
            else:
                found.append([part])
        return found

    def _refused(self, part: Part, answers: Mapping[str, Answer]) -> Answer | None:
        """The answer to a request that is not run at all."""
        failed = next((one for one in part.after if answers[one.lower()].status >= 400), None)
        if failed is not None:
            error = GraphError(424, "FailedDependency", f"The request depends on request '{failed}', which failed.")
            return self._dispatcher.error(error, self._caller)
        wait = self._throttle.take(self._caller.application.id)
        return None if wait is None else self._dispatcher.error(too_many(wait), self._caller)


def too_many(wait: int) -> GraphError:
    """The answer to one who asks too often: to come back in so many seconds."""
    return GraphError(
        429,
        "TooManyRequests",
        f"Too many requests. Come back in {wait} seconds.",
        headers={"Retry-After": str(wait)},
    )


def _shown(number: str, answer: Answer) -> dict[str, Any]:
    headers = dict(answer.headers)
    if answer.body is not None:
        headers = {"Content-Type": JSON if isinstance(answer.body, dict) else "text/plain", **headers}
    return {
        "id": number,
        "status": answer.status,
        "headers": headers,
        **({"body": answer.body} if answer.body is not None else {}),
    }
