"""The Graph endpoint: who may come in, how often, and to whom the request goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from muster.directory.applications import Application, find_client
from muster.directory.directory import Directory
from muster.directory.errors import NotFound
from muster.server.graph.batch import Batch, parts, too_many
from muster.server.graph.call import Answer, Request
from muster.server.graph.dispatch import PATIENCE, Caller, Dispatcher, client_id, new_id, telling
from muster.server.graph.documents import read_document
from muster.server.graph.errors import GraphError
from muster.server.graph.oauth import OAuth
from muster.server.graph.resources import ROUTES
from muster.server.graph.routing import Router
from muster.server.graph.signing import Signer, TokenRefused
from muster.server.graph.throttle import Throttle

_ROUTER: Final = Router(ROUTES)
BATCH: Final = "$batch"


class GraphService:
    """Everything that the endpoint does, apart from the wire. Threads may share it."""

    def __init__(
        self, directory: Directory, signer: Signer, rate: int | None = None, patience: float = PATIENCE
    ) -> None:
        self.directory = directory
        self.signer = signer
        self.oauth = OAuth(directory, signer)
        self._throttle = Throttle(rate)
        self._dispatcher = Dispatcher(directory, _ROUTER, patience)

    def answer(self, root: str, request: Request) -> Answer:
        """The answer to a request of the endpoint at `root`."""
        number = new_id()
        client = client_id(request.headers, number)
        with telling(number, client) as told:
            caller = Caller(self._application(root, request.headers), f"{root}/v1.0", number, client)
            told.answer = self._admitted(request, caller)
        told.answer.headers |= {"request-id": number, "client-request-id": client}
        return told.answer

    def _admitted(self, request: Request, caller: Caller) -> Answer:
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
            return Answer(200, Batch(self._dispatcher, self._throttle, caller).run(wanted))
        wait = self._throttle.take(caller.application.id)
        if wait is not None:
            raise too_many(wait)
        return self._dispatcher.answer(request, caller)

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
