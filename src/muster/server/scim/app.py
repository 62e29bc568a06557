"""The gateway as ASGI routes: who asks is known first, then bytes come in and go out; the work is done in threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qsl

import orjson
import structlog
from starlette.requests import ClientDisconnect
from starlette.requests import Request as Incoming
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from muster.model.errors import StoreError
from muster.server.bodies import TooLarge, body_of
from muster.server.graph.throttle import Throttle
from muster.server.scim.call import Answer, Request, refused
from muster.server.scim.documents import read_document
from muster.server.scim.errors import ScimError
from muster.server.scim.service import Service, pieces
from muster.store.database import Database
from muster.store.tokens import Token, proven, tokens

BASE: Final = "/scim"
LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a request: a group of some hundred thousand members."""
THREADS: Final = 16
PATIENCE: Final = 60.0
"""Seconds in which a request must have come in whole."""
_ADDRESS: Final = 16_384
_END: Final = 20.0
"""Seconds that requests under way get to end."""
_FRESH: Final = 1.0
"""A token that was removed lets nobody in any more after so many seconds."""
_TYPE: Final = "application/scim+json"
_SECOND: Final = 1_000_000
log = structlog.get_logger(__name__)


class Tokens:
    """The tokens of the store, read again every second. Threads may share it."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: Mapping[str, Token] = {}
        self._read = float("-inf")
        self._lock = threading.Lock()

    def proven(self, authorization: str, system: str) -> Token | None:
        """The token that a client shows for a system. Raises `StoreError`."""
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        with self._lock:
            if self._clock() - self._read >= _FRESH:
                with self._database.read() as session:
                    self._known = {one.id: one for one in tokens(session)}
                self._read = self._clock()
        return proven(self._known, text.strip(), system, int(time.time() * _SECOND))


class Gateway:
    """The services of a server by the names of their systems.

    `known` gives the token that a client shows for a system; `leave` ends what a worker thread has open.
    """

    def __init__(
        self,
        services: Mapping[str, Service],
        known: Callable[[str, str], Token | None],
        leave: Callable[[], None],
        address: str | None = None,
        rate: int | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._services = services
        self._known = known
        self._leave = leave
        self._address = address
        self._patience = patience
        self._throttle = Throttle(rate)
        self._workers = ThreadPoolExecutor(THREADS, thread_name_prefix="scim")

    @property
    def systems(self) -> Sequence[str]:
        """The systems that are shown."""
        return sorted(self._services)

    def routes(self) -> Sequence[Route]:
        """What is to be served."""
        return [Route(f"{BASE}/{{system}}/v2{{path:path}}", _Any(self._answer))] if self._services else []

    def stop(self) -> None:
        """Finish what is under way, then end every session."""
        together = threading.Barrier(THREADS)

        def end() -> None:
            # Each thread gets just one of these, as none goes on before all have begun.
            with suppress(threading.BrokenBarrierError):
                together.wait(_END)
            self._leave()

        for done in [self._workers.submit(end) for _ in range(THREADS)]:
            done.result()
        self._workers.shutdown()

    async def _answer(self, incoming: Incoming) -> Response:
        try:
            return _response(await self._asked(incoming), incoming.method == "HEAD")
        except ScimError as error:
            return _response(refused(error), head=False)
        except ClientDisconnect:
            return Response(status_code=400)

    async def _asked(self, incoming: Incoming) -> Answer:
        system = incoming.path_params["system"]
        raw: bytes = incoming.scope.get("raw_path") or incoming.scope["path"].encode()
        if len(raw) + len(incoming.scope["query_string"]) > _ADDRESS:
            raise ScimError(414, f"The address is longer than {_ADDRESS} characters: send a search to /.search.")
        headers = {name.lower(): value for name, value in incoming.headers.items()}
        loop = asyncio.get_running_loop()
        token = await loop.run_in_executor(self._workers, self._who, headers.get("authorization", ""), system)
        wait = self._throttle.take(token.id)
        if wait is not None:
            raise ScimError(429, "Too many requests.", after=float(wait))
        body = await self._body(incoming)
        service = self._services[system]
        base = f"{self._root(incoming)}{BASE}/{system}/v2"
        path = raw.decode("latin-1").partition("?")[0].split("/v2", 1)[1]
        query = incoming.scope["query_string"].decode("latin-1")
        method = incoming.method

        def work() -> Answer:
            try:
                document = read_document(body, headers.get("content-type", "")) if body else None
            except ScimError as error:
                return refused(error)
            # ASCII letters alone make up the names of parameters; the last of two of one name counts.
            parameters = {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)}
            request = Request("GET" if method == "HEAD" else method, pieces(path), parameters, headers, document)
            answer = service.answer(base, token, request)
            if method not in ("GET", "HEAD"):
                log.info("scim", system=system, token=token.name, method=method, path=path[:300], status=answer.status)
            return answer

        return await loop.run_in_executor(self._workers, work)

    def _who(self, authorization: str, system: str) -> Token:
        """The token of whoever asks. A system that there is not is answered as a wrong token is."""
        try:
            token = self._known(authorization, system) if system in self._services else None
        except StoreError as error:
            log.error("scim: the store cannot be read", error=error.message)
            raise ScimError(503, "The server cannot tell who asks. Try again later.", after=10.0) from None
        if token is None:
            raise ScimError(401, "The token is missing, is wrong, has expired, or is for another system.")
        return token

    async def _body(self, incoming: Incoming) -> bytes:
        try:
            return await body_of(incoming, LARGEST, self._patience)
        except TooLarge:
            raise ScimError(413, f"The request is larger than {LARGEST} bytes.", "tooMany") from None
        except TimeoutError:
            raise ScimError(408, f"It took longer than {self._patience:g} seconds to come.") from None

    def _root(self, incoming: Incoming) -> str:
        return self._address or f"{incoming.url.scheme}://{incoming.headers.get('host', 'localhost')}"


class _Any:
    """Whatever the method is, the answer has SCIM's form."""

    def __init__(self, answer: Callable[[Incoming], Awaitable[Response]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Incoming(scope, receive))
        await response(scope, receive, send)


def _response(answer: Answer, head: bool) -> Response:
    headers = {"Cache-Control": "no-store", **answer.headers}
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    if head:
        return Response(status_code=answer.status, headers={**headers, "Content-Type": _TYPE})
    return Response(orjson.dumps(answer.body), answer.status, {**headers, "Content-Type": _TYPE})
