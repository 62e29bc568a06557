"""One request, by itself or part of a batch, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from muster.directory.applications import Application
from muster.directory.errors import Changed
from muster.directory.objects import Entry
from muster.directory.work import Work
from muster.server.graph.documents import read_document
from muster.server.graph.errors import GraphError
from muster.server.graph.odata.options import Options


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. `path` begins after `/v1.0`; headers have names in lower case; a batch has read `body` already."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | dict[str, Any] | None


@dataclass(slots=True)
class Answer:
    """What goes out. `body` None: nothing; a text: plain text."""

    status: int
    body: dict[str, Any] | str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in, inside a transaction.

    `base` is the address of the endpoint, `https://host/v1.0`; `keys` are the variable parts of the path.
    """

    request: Request
    work: Work
    application: Application
    base: str
    path: str
    keys: tuple[str, ...]
    options: Options
    lasting: int

    @property
    def key(self) -> str:
        """The first variable part of the path."""
        return self.keys[0]

    @property
    def advanced(self) -> bool:
        """Whether the advanced query parameters are there."""
        eventual = self.request.headers.get("consistencylevel", "").lower() == "eventual"
        return eventual and (self.options.count or self.options.search is not None or self.path.endswith("$count"))

    def need(self, permissions: Sequence[str]) -> None:
        """Raises `GraphError` when the application has none of these permissions."""
        need(self.application, permissions)

    def document(self) -> dict[str, Any]:
        """The JSON object that was sent. Raises `GraphError`."""
        body = self.request.body
        if isinstance(body, dict):
            return body
        if not body:
            raise GraphError(400, "Request_BadRequest", "A JSON document is required in the body of the request.")
        return read_document(body, self.request.headers.get("content-type", ""))

    def optional_document(self) -> dict[str, Any]:
        """The JSON object that was sent; an empty one when nothing was."""
        return self.document() if self.request.body else {}

    def expect(self, entry: Entry) -> None:
        """Raises `Changed` when the client means another state of the object than it has now (If-Match)."""
        wanted = self.request.headers.get("if-match")
        if wanted is not None and wanted.strip() != "*" and etag(entry) not in _etags(wanted):
            raise Changed("The object is no longer what it was when it was read: read it again.")

    def unchanged(self, entry: Entry) -> bool:
        """Whether the client has this state of the object already (If-None-Match)."""
        wanted = self.request.headers.get("if-none-match")
        return wanted is not None and etag(entry) in _etags(wanted)


def need(application: Application, permissions: Sequence[str]) -> None:
    """Raises `GraphError` when an application has none of these permissions."""
    if not any(one in application.permissions for one in permissions):
        raise GraphError(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation. One of these permissions is needed: "
            f"{', '.join(permissions)}.",
        )


def etag(entry: Entry) -> str:
    """The state of an object."""
    return f'W/"{entry.seq}"'


def _etags(text: str) -> list[str]:
    return [one.strip() for one in text.split(",")]


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """What is done for a method and a path, and the permissions of which one is needed.

    `{}` in `path` stands for a variable part. `reads`: no transaction that writes is needed, whatever the method.
    `at_once` does several such calls of one transaction, all or none, with the answers that each would have.
    """

    method: str
    path: str
    handler: Handler
    permissions: Sequence[str]

    reads: bool = False
    at_once: Callable[[Sequence[Call]], list[Answer]] | None = None

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET" and not self.reads


def created(call: Call, body: dict[str, Any], guid: str | None = None) -> Answer:
    """201, and where the new object is found."""
    headers = {"Location": f"{call.base}/directoryObjects/{guid}"} if guid else {}
    return Answer(201, body, headers)


def done() -> Answer:
    """204."""
    return Answer(204)


def context(call: Call, what: str, select: Sequence[str] | None = None, *, entity: bool = False) -> str:
    """`@odata.context`: which part of the model an answer shows."""
    chosen = f"({','.join(select)})" if select else ""
    return f"{call.base}/$metadata#{what}{chosen}{'/$entity' if entity else ''}"
