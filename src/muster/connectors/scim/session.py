"""One session with one service provider: what it can do, and requests in words of SCIM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import orjson

from muster.connectors.kit.auth import AuthorizedSession
from muster.connectors.scim import bulk, core, wire
from muster.connectors.scim.answers import Answer, Params, Request, answer_of
from muster.connectors.scim.names import Resource
from muster.connectors.scim.provider import Provider, provider_of
from muster.connectors.scim.schemas import scim_type
from muster.connectors.scim.settings import Booleans, Bulk, Filters, Patch, Removal, ScimObject, ScimSettings
from muster.connectors.scim.wire import Dialect, ScimType
from muster.model.errors import IncompleteRead, Unreachable

_SCIM: Final = "application/scim+json"
UNFILTERED: Final = frozenset({400, 501})
"""What a filter is answered that the server does not know; few add `invalidFilter`, as they should."""
_LOST: Final = frozenset({"invalidCursor", "expiredCursor"})
_NO_BULK: Final = frozenset({404, 405, 501})


class Unfiltered(IncompleteRead):
    """The server does not know this filter."""


class LostCursor(IncompleteRead):
    """The server does not know a cursor any more (RFC 9865 section 2.1)."""


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
        self.patch = settings.patch
        self.filters = settings.filters
        self.unfiltered: set[tuple[str, str]] = set()
        """Object types and attributes that the server cannot filter by, as it said."""
        self.doubtful: set[int] = set()
        """The keys of creates of which nobody knows whether they were done: these are looked for first."""
        self._bulk = True
        self._types: dict[str, ScimType] | None = None

    def open(self) -> None:
        """Ask what the server can do. A server that does not say is taken to be able to do what RFC 7644 demands."""
        answered = self._discovered("ServiceProviderConfig")
        self.provider = Provider() if answered is None else provider_of(answered)
        if self.patch is Patch.AUTO:
            self.patch = Patch.RFC if self.provider.patch else Patch.NONE
        if self.filters is Filters.AUTO:
            self.filters = Filters.RFC if self.provider.filter else Filters.NONE

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    @property
    def page_size(self) -> int:
        """Objects in one page: what the settings ask for, and the server allows."""
        largest = self.provider.largest_page
        return max(2, min(self.settings.page_size, largest) if largest else self.settings.page_size)

    @property
    def bulk_size(self) -> int:
        """Requests that go together; 1 where there are no bulks."""
        return min(self.settings.bulk_size, self.provider.bulk_operations) if self.settings.bulk is Bulk.AUTO else 1

    def types(self, objects: Mapping[str, ScimObject]) -> dict[str, ScimType]:
        """The object types of the system file, by name; read once.

        Raises `ProjectError` where the system file names what the server does not have.
        """
        if self._types is None:
            resource_types = self._listed("ResourceTypes") or core.resource_types()
            schemas = self._listed("Schemas") or core.schemas()
            dialect = Dialect(self.settings.booleans is Booleans.TEXT, self.settings.removal is Removal.VALUES)
            self._types = {
                name: scim_type(self.system, name, one, resource_types, schemas, dialect)
                for name, one in objects.items()
            }
        return self._types

    # --- requests

    def ask(self, request: Request, forbidden: bool = True) -> Answer:
        """One request: every answer but 401, 429 and those of a gateway is handed over; 403 where it is `forbidden`.

        A create is sent once: where a 503 answers it, too, nobody knows whether it was done.
        """
        body = request.body
        headers = {"Content-Type": _SCIM} if body is not None else {}
        if request.version:
            headers["If-Match"] = request.version
        return answer_of(
            self._http.request(
                request.method,
                request.path,
                params=request.params,
                content=orjson.dumps(body) if body is not None else None,
                headers=headers,
                forbidden=forbidden,
                once=request.method == "POST",
            )
        )

    def send(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to some writes, which go together where the server takes bulks.

        Raises for all of them: what is in doubt then is for each of them to find out.
        """
        found: dict[int, Answer] = {}
        for pack in bulk.packs(requests, self.bulk_size, self.provider.bulk_payload):
            found |= self._sent(pack)
        return [found[number] for number in range(len(requests))]

    def _sent(self, pack: Sequence[tuple[int, Request]]) -> dict[int, Answer]:
        if len(pack) == 1 or not self._bulk:
            return {number: self.ask(request) for number, request in pack}
        answered = self.ask(Request("POST", "/Bulk", bulk.body(pack)))
        if answered.status == 413:
            half = len(pack) // 2
            return self._sent(pack[:half]) | self._sent(pack[half:])
        if answered.status in _NO_BULK:
            self._bulk = False
            return self._sent(pack)
        if not answered.good:
            return dict.fromkeys((number for number, _ in pack), answered)
        return bulk.answers(pack, answered)

    def listed_page(self, path: str, params: Params) -> Resource:
        """One ListResponse (RFC 7644 section 3.4.2). Raises `IncompleteRead` for anything else."""
        answered = self.ask(Request("GET", path, params=params), forbidden=False)
        if "filter" in params and answered.status in UNFILTERED:
            raise Unfiltered(f"{self.system}: the filter {params['filter']} was answered {self.said(answered)}.")
        if params.get("cursor") and answered.kind in _LOST:
            raise LostCursor(f"{self.system}: GET {path} was answered {self.said(answered)}.")
        where = f"{self.system}: GET {self.settings.url}{path} was answered"
        if not answered.good or answered.document is None:
            raise IncompleteRead(f"{where} {self.said(answered)}{_advice(answered)}")
        told = answered.document
        if not isinstance(told.get("totalResults"), int) and not ("cursor" in params and "Resources" in told):
            raise IncompleteRead(f"{where} without totalResults: this is no SCIM 2.0 list. Correct `url`.")
        return told

    def resource(self, kind: ScimType, anchor: str, whole: bool = False) -> Request:
        """GET of one object, without its large reference unless `whole`."""
        return Request("GET", self.path(kind, anchor), params=wire.selection(kind, None, whole))

    def path(self, kind: ScimType, anchor: str | None = None) -> str:
        """The path of an object, or of all objects of a type."""
        return kind.endpoint if anchor is None else f"{kind.endpoint}/{quote(anchor, safe='')}"

    def said(self, answered: Answer) -> str:
        """What an answer says in words."""
        return self._http.redacted(answered.words)

    def _discovered(self, path: str) -> Resource | None:
        answered = self.ask(Request("GET", path))
        if answered.status >= 500 and answered.status != 501:
            raise Unreachable(
                f"{self.system}: GET {self.settings.url}/{path} was answered {self.said(answered)}. What the server "
                "can do is not known, so nothing is done. Look at its log, and run again."
            )
        return answered.document if answered.good else None

    def _listed(self, path: str) -> Sequence[Resource]:
        found = (self._discovered(path) or {}).get("Resources")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _advice(answered: Answer) -> str:
    """The end of the sentence that says how a list was answered, and what to do."""
    if 200 <= answered.status < 300:
        return ", no whole JSON object. Look at what answers there, or correct `url`."
    if answered.location and 300 <= answered.status < 400:
        return f". It points to {answered.location}: correct `url`."
    if answered.status == 404:
        return ". Correct `url`."
    return ". Look at the server's log, and run again." if answered.status >= 500 else "."
