"""Requests to a service provider, and its answers, whether they came alone or in a bulk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import httpx
import orjson

from muster.connectors.kit.http import retry_after
from muster.connectors.scim.names import Resource

WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
Params: TypeAlias = Mapping[str, "str | int"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` begins after the base URL, `version` is for If-Match (RFC 7644 section 3.14)."""

    method: str
    path: str
    body: Resource | None = None
    params: Params | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `page`: what came in the place of JSON, in words; a login page says nothing about an object."""

    status: int
    document: Resource | None = None
    version: str | None = None
    location: str = ""
    after: float | None = None
    phrase: str = ""
    page: str = ""

    @property
    def good(self) -> bool:
        """Whether what was asked for was done."""
        return 200 <= self.status < 300 and not self.page

    @property
    def gone(self) -> bool:
        """Whether the service provider itself says that it is not there."""
        return self.status == 404 and not self.page

    @property
    def doubtful(self) -> bool:
        """Whether nobody knows if it was done."""
        return (
            self.status == 408 or (self.status >= 500 and self.status != 501) or (self.status < 300 and not self.good)
        )

    @property
    def kind(self) -> str:
        """The scimType of an error (RFC 7644 table 9); empty without one."""
        return str((self.document or {}).get("scimType") or "")

    @property
    def anchor(self) -> str | None:
        """The `id` that it shows, in the resource or else in its address."""
        if self.document is not None and "id" in self.document:
            found = self.document["id"]
            return found if isinstance(found, str) and found else None
        return self.location.rstrip("/").rpartition("/")[2] or None

    @property
    def words(self) -> str:
        """The server's own: status, scimType and detail (RFC 7644 section 3.12)."""
        status = " ".join(part for part in (f"{self.status} {self.phrase}".strip(), self.kind) if part)
        detail = str((self.document or {}).get("detail") or "")
        return f"{status}: {detail.rstrip('.')}" if detail else f"{status}{self.page}"


def answer_of(response: httpx.Response) -> Answer:
    """An answer that came alone."""
    document = json_of(response.content)
    page = ""
    if document is None and response.content:
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if "html" in kind or response.content.lstrip()[:1] == b"<":
            page = " with a web page"
        elif "json" in kind:
            page = " with JSON that is not whole"
    return Answer(
        response.status_code,
        document,
        response.headers.get("ETag") or shown_version(document),
        response.headers.get("Location", ""),
        retry_after(response),
        response.reason_phrase,
        page,
    )


def shown_version(document: Resource | None) -> str | None:
    """The version that a resource shows of itself."""
    meta = (document or {}).get("meta")
    shown = meta.get("version") if isinstance(meta, dict) else None
    return str(shown) if shown else None


def json_of(content: bytes) -> Resource | None:
    """The JSON object of an answer, None when it holds none."""
    if not content:
        return None
    try:
        found: Any = _loaded(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _loaded(content: bytes) -> Any:
    """The value of a JSON text; halves of characters, which one object may show, stay in it."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        if b"\\u" not in content:
            raise
        return json.loads(content)
