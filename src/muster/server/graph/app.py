"""The endpoint as an ASGI application: bytes in, bytes out; the work is done in threads of its own."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import orjson
import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as Incoming
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan, Receive, Scope, Send

from muster.directory.errors import NotFound
from muster.directory.guests import accept, known_ticket
from muster.model.errors import StoreError
from muster.server.bodies import TooLarge, body_of
from muster.server.graph.call import Answer, Request
from muster.server.graph.dispatch import Pace, error_answer, new_id
from muster.server.graph.errors import GraphError
from muster.server.graph.oauth import too_large
from muster.server.graph.resources.invitations import REDEEM
from muster.server.graph.service import GraphService, Waiting
from muster.server.lanes import Lane

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a request, as in Graph."""
PATIENCE: Final = 60.0
"""Seconds in which a request must have come in whole: who sends it byte by byte holds a place that others need."""
_TYPE: Final = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
_PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
T = TypeVar("T")
log = structlog.get_logger(__name__)


class Endpoint:
    """The routes of one service.

    `address`: where clients reach it, if that is not where they say they called. `patience`: see `PATIENCE`.
    """

    def __init__(self, service: GraphService, address: str | None = None, patience: float = PATIENCE) -> None:
        self._service = service
        self._address = address
        self._patience = patience
        self._quick = Lane(8)
        self._lanes = {Pace.CHANGE: Lane(8, each=6), Pace.LONG: Lane(8, each=2)}
        self._idle = asyncio.Event()
        self._idle.set()
        self._running = 0

    async def finish(self, seconds: float) -> None:
        """Wait until the requests under way have their answers, no longer than so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)

    def application(self, lifespan: Lifespan[Starlette] | None = None, more: Sequence[Route] = ()) -> Starlette:
        """The ASGI application; with `more` routes, which come first."""
        tenant = "/{tenant}"
        application = Starlette(
            routes=[
                *more,
                Route("/v1.0/{path:path}", _Any(self._graph)),
                Route("/common/discovery/instance", self._instance),
                Route(f"{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
                Route(f"{tenant}/.well-known/openid-configuration", self._configuration),
                Route(f"{tenant}/discovery/v2.0/keys", self._keys),
                Route(f"{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
                Route(REDEEM, self._redeem, methods=["GET", "POST"]),
            ],
            exception_handlers={404: self._nothing, 405: self._nothing},
            lifespan=lifespan,
        )
        application.router.redirect_slashes = False
        return application

    async def _run(self, work: Callable[[], T], lane: Lane | None = None, who: str = "") -> T:
        """Do something in a thread of its own; the loop goes on."""
        self._running += 1
        self._idle.clear()
        try:
            return await (lane or self._quick).run(work, who)
        finally:
            self._running -= 1
            if self._running == 0:
                self._idle.set()

    async def _body(self, incoming: Incoming) -> bytes:
        """What was sent. Raises `TooLarge`, `TimeoutError`, `ClientDisconnect`."""
        return await body_of(incoming, LARGEST, self._patience)

    def _root(self, incoming: Incoming) -> str:
        """The address of the server as the client knows it."""
        return self._address or f"{incoming.url.scheme}://{incoming.headers.get('host', 'localhost')}"

    async def _graph(self, incoming: Incoming) -> Response:
        raw: bytes = incoming.scope.get("raw_path") or incoming.scope["path"].encode()
        path = raw.decode("latin-1").partition("?")[0].removeprefix("/v1.0")
        try:
            body = await self._body(incoming)
        except TooLarge:
            return _error(GraphError(413, "Request_EntityTooLarge", f"The request is larger than {LARGEST} bytes."))
        except TimeoutError:
            return _error(
                GraphError(408, "Request_Timeout", f"It took longer than {self._patience:g} seconds to come.")
            )
        except ClientDisconnect:
            return Response(status_code=400)
        request = Request(
            "GET" if incoming.method == "HEAD" else incoming.method,
            path,
            incoming.scope["query_string"].decode("latin-1"),
            {name.lower(): value for name, value in incoming.headers.items()},
            body,
        )
        root = self._root(incoming)
        answer = await self._run(lambda: self._service.admit(root, request))
        if isinstance(answer, Waiting):
            answer = await self._run(answer.work, self._lanes[answer.pace], answer.who)
        if incoming.method == "HEAD":
            answer.body = None
        return _response(answer)

    async def _configuration(self, incoming: Incoming) -> Response:
        return _response(self._service.oauth.configuration(self._root(incoming), incoming.path_params["tenant"]))

    async def _instance(self, incoming: Incoming) -> Response:
        return _response(self._service.oauth.instance(self._root(incoming)))

    async def _keys(self, _: Incoming) -> Response:
        return _response(await self._run(self._service.oauth.keys))

    async def _token(self, incoming: Incoming) -> Response:
        try:
            body = await self._body(incoming)
        except TooLarge:
            return _response(too_large(LARGEST))
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=400)
        headers = {name.lower(): value for name, value in incoming.headers.items()}
        root, tenant = self._root(incoming), incoming.path_params["tenant"]
        return _response(await self._run(lambda: self._service.oauth.token(root, tenant, headers, body)))

    async def _nothing(self, _: Incoming, __: Exception) -> Response:
        return _error(GraphError(404, "UnknownError", "There is nothing here. Microsoft Graph is at /v1.0."))

    async def _redeem(self, incoming: Incoming) -> Response:
        """The page on which a guest accepts. It asks first: mail filters open links, too."""
        ticket = incoming.query_params.get("ticket", "")
        directory = self._service.directory

        def known() -> bool:
            with directory.read() as work:
                return known_ticket(work, ticket)

        def accepted() -> str:
            with directory.write() as work:
                return accept(work, ticket)[1]

        try:
            if incoming.method == "POST":
                return RedirectResponse(
                    await self._run(accepted, self._lanes[Pace.CHANGE]), status_code=303, headers=_PAGE_HEADERS
                )
            found = await self._run(known)
        except NotFound:
            found = False
        except StoreError as error:
            log.error("directory", error=error.message)
            return HTMLResponse(_page("<p>Please come back in a few minutes.</p>"), 503, _PAGE_HEADERS)
        if not found:
            return HTMLResponse(_page("<p>This invitation is not known, or was used already.</p>"), 404, _PAGE_HEADERS)
        name = html.escape(directory.tenant.name)
        form = f"<p>{name} has invited you.</p><form method='post'><button>Accept</button></form>"
        return HTMLResponse(_page(form), headers=_PAGE_HEADERS)


class _Any:
    """Whatever the method is, Graph answers it in its own form."""

    def __init__(self, answer: Callable[[Incoming], Awaitable[Response]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Incoming(scope, receive))
        await response(scope, receive, send)


def _page(inside: str) -> str:
    style = "body{font:1rem sans-serif;margin:4rem auto;max-width:30rem}button{font:inherit;padding:.5rem 1.5rem}"
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Invitation</title><style>{style}</style>"
        f"<body>{inside}</body></html>"
    )


def _error(error: GraphError) -> Response:
    number = new_id()
    return _response(error_answer(error, number, number))


def _response(answer: Answer) -> Response:
    headers = {"OData-Version": "4.0", "Cache-Control": "no-cache", **answer.headers}
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    if isinstance(answer.body, str):
        return Response(answer.body, answer.status, headers, media_type="text/plain")
    return Response(orjson.dumps(answer.body), answer.status, {**headers, "Content-Type": _TYPE})
