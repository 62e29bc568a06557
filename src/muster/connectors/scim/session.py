"""One session with one service provider: what it can do, and requests in words of SCIM."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import orjson

from muster.connectors.kit.auth import AuthorizedSession
from muster.connectors.scim import core
from muster.connectors.scim.schemas import scim_type
from muster.connectors.scim.settings import Patch, ScimObject, ScimSettings
from muster.connectors.scim.wire import Resource, ScimType
from muster.model.errors import IncompleteRead

_SCIM: Final = "application/scim+json"


@dataclass(frozen=True, slots=True)
class Provider:
    """What /ServiceProviderConfig says (RFC 7643 section 5), or what RFC 7644 demands where there is none."""

    told: bool = False
    patch: bool = True
    filter: bool = True
    etag: bool = False
    cursor: bool = False
    largest_page: int = 0


class Session:
    """Requests to one service provider. Raises `Unreachable`, `AuthFailed` and `Throttled`, never for one object."""

    def __init__(self, system: str, settings: ScimSettings, folder: Path) -> None:
        self.system = system
        self.settings = settings
        self._http = AuthorizedSession(
            system,
            settings.url,
            settings.who,
            headers={"Accept": f"{_SCIM}, application/json"},
            verify=folder / settings.ca if settings.ca is not None else True,
            certificate=folder / settings.certificate if settings.certificate is not None else None,
            timeout=settings.timeout,
            whole=settings.whole,
            largest=settings.largest,
            connections=settings.concurrency + 1,
        )
        self.provider = Provider()
        self._types: dict[str, ScimType] | None = None

    def open(self) -> None:
        """Ask what the server can do. A server that does not say is taken to be able to do what RFC 7644 demands."""
        answered = self._discovered("ServiceProviderConfig")
        if answered is None:
            return

        def supported(name: str) -> bool:
            one = answered.get(name)
            return isinstance(one, dict) and bool(one.get("supported"))

        pagination = answered.get("pagination")
        filters = answered.get("filter")
        self.provider = Provider(
            told=True,
            patch=supported("patch"),
            filter=supported("filter"),
            etag=supported("etag"),
            cursor=isinstance(pagination, dict) and bool(pagination.get("cursor")),
            largest_page=int(filters.get("maxResults") or 0) if isinstance(filters, dict) else 0,
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    @property
    def patches(self) -> bool:
        """Whether objects are changed by PATCH."""
        asked = self.settings.patch
        return self.provider.patch if asked is Patch.AUTO else asked is Patch.RFC

    @property
    def page_size(self) -> int:
        """Objects in one page: what the settings ask for, and the server allows."""
        largest = self.provider.largest_page
        return max(2, min(self.settings.page_size, largest) if largest else self.settings.page_size)

    def types(self, objects: Mapping[str, ScimObject]) -> dict[str, ScimType]:
        """The object types of the system file, by name; read once.

        Raises `ProjectError` where the system file names what the server does not have.
        """
        if self._types is None:
            resource_types = self._listed("ResourceTypes") or core.resource_types()
            schemas = self._listed("Schemas") or core.schemas()
            self._types = {
                name: scim_type(self.system, name, one, resource_types, schemas) for name, one in objects.items()
            }
        return self._types

    # --- requests

    def send(
        self,
        method: str,
        path: str,
        body: Resource | None = None,
        params: Mapping[str, str | int] | None = None,
        if_match: str | None = None,
    ) -> httpx.Response:
        """One request about one object: every answer but 401, 429 and those of a gateway is handed over."""
        headers = {"Content-Type": _SCIM} if body is not None else {}
        if if_match:
            headers["If-Match"] = if_match
        content = orjson.dumps(body) if body is not None else None
        return self._http.request(method, path, params=params, content=content, headers=headers, forbidden=True)

    def listed_page(self, path: str, params: Mapping[str, str | int]) -> Resource:
        """One ListResponse (RFC 7644 section 3.4.2). Raises `IncompleteRead` for anything else."""
        response = self._http.request("GET", path, params=params)
        answered = json_of(response)
        if not response.is_success or answered is None:
            raise IncompleteRead(
                f"{self.system}: GET {self.settings.url}{path} was answered {self.said(response)}{_advice(response)}"
            )
        if not isinstance(answered.get("totalResults"), int):
            raise IncompleteRead(
                f"{self.system}: GET {self.settings.url}{path} was answered without totalResults: this is no SCIM 2.0 "
                "list. Correct `url`."
            )
        return answered

    def resource(self, kind: ScimType, anchor: str, whole: bool = False) -> httpx.Response:
        """GET of one object, without its large reference unless `whole`."""
        params = {"excludedAttributes": kind.large} if kind.large is not None and not whole else None
        return self.send("GET", self.path(kind, anchor), params=params)

    def path(self, kind: ScimType, anchor: str | None = None) -> str:
        """The path of an object, or of all objects of a type."""
        return kind.endpoint if anchor is None else f"{kind.endpoint}/{quote(anchor, safe='')}"

    def said(self, response: httpx.Response) -> str:
        """The server's own words: status, scimType and detail (RFC 7644 section 3.12)."""
        answered = json_of(response) or {}
        status = f"{response.status_code} {response.reason_phrase}".strip()
        kind = scim_error(response)
        detail = str(answered.get("detail") or "")
        words = " ".join(part for part in (status, kind) if part)
        return self._http.redacted(f"{words}: {detail.rstrip('.')}" if detail else words)

    def _discovered(self, path: str) -> Resource | None:
        response = self._http.request("GET", path, forbidden=True)
        return json_of(response) if response.is_success else None

    def _listed(self, path: str) -> Sequence[Resource]:
        answered = self._discovered(path) or {}
        found = answered.get("Resources")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _advice(response: httpx.Response) -> str:
    """The end of the sentence that says how a list was answered, and what to do."""
    if response.is_success:
        kind = response.headers.get("Content-Type", "").partition(";")[0] or "nothing"
        return f" with {kind} that is no whole JSON object. Look at what answers there, or correct `url`."
    where = response.headers.get("Location")
    if where and response.is_redirect:
        return f". It points to {where}: correct `url`."
    if response.status_code == 404:
        return ". Correct `url`."
    return ". Look at the server's log, and run again." if response.is_server_error else "."


def json_of(response: httpx.Response) -> Resource | None:
    """The JSON object of an answer, None when it holds none."""
    try:
        found: Any = _loaded(response.content)
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


def scim_error(response: httpx.Response) -> str:
    """The scimType of an error (RFC 7644 table 9); empty without one."""
    return str((json_of(response) or {}).get("scimType") or "")


def version_of(response: httpx.Response) -> str | None:
    """The version of the object that was read, for If-Match (RFC 7644 section 3.14)."""
    meta = (json_of(response) or {}).get("meta")
    shown = meta.get("version") if isinstance(meta, dict) else None
    return response.headers.get("ETag") or (str(shown) if shown else None)
