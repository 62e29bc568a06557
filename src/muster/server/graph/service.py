"""The Graph endpoint: who may come in, how often, and to whom the request goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from muster.directory.applications import Application, find_client
from muster.directory.directory import Directory
from muster.directory.errors import NotFound
from muster.server.graph.batch import Batch, parts, too_many
from muster.server.graph.call import Answer, Request
from muster.server.graph.dispatch import PATIENCE, Caller, Dispatcher, Pace, client_id, new_id, telling
from muster.server.graph.documents import read_document
from muster.server.graph.errors import GraphError
from muster.server.graph.oauth import OAuth
from muster.server.graph.resources import ROUTES
from muster.server.graph.routing import Router
from muster.server.graph.signing import Signer, TokenRefused
from muster.server.graph.throttle import Throttle

_ROUTER: Final = Router(ROUTES)
BATCH: Final = "$batch"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that was let in and takes longer. `who`: the id of the application that asks."""

    pace: Pace
    who: str
    work: Callable[[], Answer]


class GraphService:
    """Everything that the endpoint does, apart from the wire. Threads may share it."""

    def __init__(
        self,
        directory: Directory,
        signer: Signer,
        rate: int | None = None,
        patience: float = PATIENCE,
        router: Router = _ROUTER,
    ) -> None:
        self.directory = directory
        self.signer = signer
        self.oauth = OAuth(directory, signer)
        self._throttle = Throttle(rate)
        self._dispatcher = Dispatcher(directory, router, patience)

    def admit(self, root: str, request: Request) -> Answer | Waiting:
        """The answer to a request of the endpoint at `root`, where it is had quickly; else what is left to do."""
        number = new_id()
        client = client_id(request.headers, number)
        with telling(number, client) as told:
            caller = Caller(self._application(root, request.headers), f"{root}/v1.0", number, client)
            pace, work = self._work(request, caller)
            if pace is not Pace.QUICK:
                return Waiting(pace, caller.application.id, lambda: _finished(work, caller))
            told.answer = work()
        return _numbered(told.answer, number, client)

    def _work(self, request: Request, caller: Caller) -> tuple[Pace, Callable[[], Answer]]:
        """What is to be done for a request, and how long that takes. Raises `GraphError`."""
        if request.path.strip("/") == BATCH:
            if request.method != "POST":
                raise GraphError(
                    405,
                    "Request_BadRequest",
                    "Specified HTTP method is not allowed: POST a batch.",
                    headers={"Allow": "POST"},
                )
            body = request.body if isinstance(request.body, bytes) else b""
            wanted = parts(read_document(body, request.headers.get("content-type", "")), caller.base)
            batch = Batch(self._dispatcher, self._throttle, caller)
            return batch.pace(wanted), lambda: Answer(200, batch.run(wanted))
        wait = self._throttle.take(caller.application.id)
        if wait is not None:
            raise too_many(wait)
        return self._dispatcher.pace(request), lambda: self._dispatcher.answer(request, caller)

    def _application(self, root: str, headers: Mapping[str, str]) -> Application:
        """The application that calls. Raises `GraphError`."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise self._unauthenticated(root, "Access token is empty.")
        try:
            found = self.signer.application(token.strip())
        except TokenRefused as refused:
            raise self._unauthenticated(root, str(refused)) from None
        with self.directory.read() as work:
            try:
                return find_client(work, found)
            except NotFound:
                raise self._unauthenticated(root, "Access token validation failure. The application is gone.") from None

    def _unauthenticated(self, root: str, words: str) -> GraphError:
        authority = f"{root}/{self.directory.tenant.id}/oauth2/v2.0/token"
        return GraphError(
            401,
            "InvalidAuthenticationToken",
            words,
            headers={"WWW-Authenticate": f'Bearer realm="", authorization_uri="{authority}"'},
        )


def _finished(work: Callable[[], Answer], caller: Caller) -> Answer:
    with telling(caller.request, caller.client_request) as told:
        told.answer = work()
    return _numbered(told.answer, caller.request, caller.client_request)


def _numbered(answer: Answer, number: str, client: str) -> Answer:
    answer.headers |= {"request-id": number, "client-request-id": client}
    return answer
