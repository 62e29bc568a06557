"""Errors as Microsoft Graph says them: a status, a code for programs, a message for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from muster.directory.errors import (
    Changed,
    DirectoryError,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    Taken,
    Unsupported,
)


class GraphError(Exception):
    """What a request is answered with when it cannot be done.

    `details` tell more than one word can; `headers` go with the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers: Mapping[str, str] = headers or {}

    def body(self, *, now: str, request: str, client_request: str) -> dict[str, Any]:
        """The document that tells it."""
        more = {"details": self.details} if self.details else {}
        inner = {"date": now, "request-id": request, "client-request-id": client_request}
        return {"error": {"code": self.code, "message": self.message, **more, "innerError": inner}}


_KINDS: Final[tuple[tuple[type[DirectoryError], int, str], ...]] = (
    (NotFound, 404, "Request_ResourceNotFound"),
    (Invalid, 400, "Request_BadRequest"),
    (Unsupported, 400, "Request_UnsupportedQuery"),
    (Changed, 412, "Request_PreconditionFailed"),
    (Expired, 410, "syncStateNotFound"),
    (Forbidden, 403, "Authorization_RequestDenied"),
)


def graph_error(error: DirectoryError) -> GraphError:
    """The answer to what the directory refuses."""
    status, code = next(
        ((status, code) for kind, status, code in _KINDS if isinstance(error, kind)), (400, "Request_BadRequest")
    )
    details = None
    if isinstance(error, Invalid) and error.target is not None:
        word = "ObjectConflict" if isinstance(error, Taken) else "InvalidValue"
        details = [{"code": word, "message": error.message, "target": error.target}]
    return GraphError(status, code, error.message, details=details)


def bad_request(message: str) -> GraphError:
    """The request itself is wrong, whatever the directory holds."""
    return GraphError(400, "BadRequest", message)
