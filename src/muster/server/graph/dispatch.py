"""From a request to its answer: the route, the permission, the transaction, the handler, the error."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final, TypeVar
from urllib.parse import unquote

import structlog

from muster.directory.applications import Application
from muster.directory.directory import Directory
from muster.directory.errors import DirectoryError
from muster.directory.permissions import SYNCHRONISE
from muster.directory.together import Together
from muster.directory.work import Work
from muster.model.errors import StoreError, TooLong
from muster.server.graph.call import Answer, Call, Request, Route, need
from muster.server.graph.errors import GraphError, graph_error
from muster.server.graph.odata.options import parse_options
from muster.server.graph.routing import Router

log = structlog.get_logger(__name__)
T = TypeVar("T")


PATIENCE: Final = 30.0
"""Seconds that a read may take. A filter that no index answers looks at every object: a million take some seconds."""


class Pace(IntEnum):
    """How long a request may take, and so in whose company it waits."""

    QUICK = 0
    """One object by its id or name."""
    CHANGE = 1
    """Waits for its turn to write."""
    LONG = 2
    """A list, a filter, a search: may look at every object."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and by which address."""

    application: Application
    base: str
    request: str
    client_request: str


class Dispatcher:
    """Answers requests, each in a transaction of its own unless one is given."""

    def __init__(self, directory: Directory, router: Router, patience: float = PATIENCE) -> None:
        self.directory = directory
        self.router = router
        self.patience = patience
        self._together = Together(directory)

    def pace(self, request: Request) -> Pace:
        """How long it may take. Raises `GraphError` where it leads nowhere."""
        route, _ = self.router.find(request.method, request.path)
        if route.writes:
            return Pace.CHANGE
        expands = "expand" in unquote(request.query).lower()
        return Pace.QUICK if route.path.endswith("{}") and not expands else Pace.LONG

    def answer(self, request: Request, caller: Caller) -> Answer:
        """The answer to one request, whatever becomes of it."""
        with telling(caller.request, caller.client_request) as told:
            route, keys = self.router.find(request.method, request.path)
            if route.writes:
                told.answer = self.change(caller, lambda work: self._handle(request, caller, work, route, keys))
            else:
                with self.directory.read(self.patience) as work:
                    told.answer = self._handle(request, caller, work, route, keys)
        return told.answer

    def change(self, caller: Caller, job: Callable[[Work], T]) -> T:
        """What the job answers when it has changed the directory on behalf of the caller."""
        return self._together.do(job, sync=SYNCHRONISE in caller.application.permissions)

    def answer_alike(self, requests: Sequence[Request], caller: Caller, work: Work) -> list[Answer]:
        """The answers to several requests in one transaction: at once, where that goes well, else one by one."""
        if len(requests) > 1:
            route, _ = self.router.find(requests[0].method, requests[0].path)
            try:
                with work.apart():
                    need(caller.application, route.permissions)
                    calls = [self._call(one, caller, work, *self.router.find(one.method, one.path)) for one in requests]
                    if route.at_once is not None:
                        return route.at_once(calls)
            except (DirectoryError, GraphError):
                pass  # Which of them is refused, and why, each is told by itself.
        return [self.answer_within(one, caller, work) for one in requests]

    def alike(self, one: Request, other: Request) -> bool:
        """Whether two requests can be done at once."""
        try:
            routes = [self.router.find(each.method, each.path)[0] for each in (one, other)]
        except GraphError:
            return False
        return routes[0] is routes[1] and routes[0].at_once is not None

    def answer_within(self, request: Request, caller: Caller, work: Work) -> Answer:
        """The answer to one request of several in one transaction; what a failing one did is undone."""
        with telling(caller.request, caller.client_request) as told:
            route, keys = self.router.find(request.method, request.path)
            if route.writes:
                with work.apart():
                    told.answer = self._handle(request, caller, work, route, keys)
            else:
                told.answer = self._handle(request, caller, work, route, keys)
        return told.answer

    def writes(self, request: Request) -> bool:
        """Whether a request changes anything; one that leads nowhere does not."""
        try:
            return self.router.find(request.method, request.path)[0].writes
        except GraphError:
            return False

    def _handle(self, request: Request, caller: Caller, work: Work, route: Route, keys: tuple[str, ...]) -> Answer:
        need(caller.application, route.permissions)
        return route.handler(self._call(request, caller, work, route, keys))

    def _call(self, request: Request, caller: Caller, work: Work, route: Route, keys: tuple[str, ...]) -> Call:
        options = parse_options(request.query)
        lasting = self.directory.settings.changes
        return Call(request, work, caller.application, caller.base, route.path, keys, options, lasting)

    def error(self, error: GraphError, caller: Caller) -> Answer:
        """The answer that tells an error."""
        return error_answer(error, caller.request, caller.client_request)


@dataclass(slots=True)
class Told:
    """The answer, once there is one."""

    answer: Answer


@contextmanager
def telling(request: str, client_request: str) -> Iterator[Told]:
    """Errors become answers, whatever they are: what one request meets is no other's trouble."""
    told = Told(Answer(500))
    error: GraphError
    try:
        yield told
        return
    except DirectoryError as refused:
        error = graph_error(refused)
    except GraphError as refused:
        error = refused
    except TooLong:
        error = GraphError(
            504,
            "UnknownError",
            "The request takes too long: it looks at every object. Filter by a property that has an index, such as "
            "userPrincipalName, mail, displayName or employeeId.",
        )
    except StoreError as failed:
        log.error("directory", error=failed.message, request=request)
        error = GraphError(
            503, "serviceNotAvailable", "The directory cannot be reached now.", headers={"Retry-After": "10"}
        )
    except Exception:
        log.exception("request failed", request=request)
        error = GraphError(500, "generalException", "An internal error occurred; the server's log has it.")
    told.answer = error_answer(error, request, client_request)


def error_answer(error: GraphError, request: str, client_request: str) -> Answer:
    """The answer that tells an error."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return Answer(
        error.status, error.body(now=now, request=request, client_request=client_request), dict(error.headers)
    )


def new_id() -> str:
    """The id of a request."""
    return str(uuid.uuid4())


def client_id(headers: Mapping[str, str], mine: str) -> str:
    """The id that the client gave its request; ours where it gave none that can be repeated."""
    given = headers.get("client-request-id", "")
    return given if 0 < len(given) <= 128 and given.isascii() and given.isprintable() else mine
