"""One request, by itself or part of a bulk, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muster.server.scim.errors import ScimError


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. `path`: below the base path of a system, decoded piece by piece; headers by names in lower case.

    `body`: the JSON object that was sent, read already; None where none was.
    """

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None

    def document(self) -> Mapping[str, Any]:
        """What was sent. Raises `ScimError` where nothing was."""
        if self.body is None:
            raise ScimError(400, "A JSON document is needed in the body.", "invalidSyntax")
        return self.body


@dataclass(slots=True)
class Answer:
    """What goes out. `body` None: nothing."""

    status: int
    body: Mapping[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


def refused(error: ScimError) -> Answer:
    """The answer that an error is."""
    headers = {"Retry-After": str(max(1, round(error.after)))} if error.after is not None else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Answer(error.status, error.document(), headers)
