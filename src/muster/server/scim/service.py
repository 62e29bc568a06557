"""One system as a SCIM service: which request does what. The work of one request is done in one thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote

import structlog

from muster.connectors.kit.guard import ConnectorBug
from muster.model.errors import MusterError, Throttled, Unreachable
from muster.server.scim import asking, discovery, versions
from muster.server.scim.bulk import bulk
from muster.server.scim.call import Answer, Request, refused
from muster.server.scim.documents import Projection
from muster.server.scim.errors import ScimError, not_found
from muster.server.scim.listings import Listings
from muster.server.scim.objects import Objects
from muster.server.scim.reading import Reader
from muster.server.scim.resource_type import ResourceType
from muster.server.scim.writing import Writer, Written
from muster.store.tokens import Token

_AFTER: Final = 10.0
_READS: Final = ("GET", "HEAD")
log = structlog.get_logger(__name__)


class Service:
    """`objects` are the system's; `largest`: bytes of a request; `closed`: why nothing may be written now, if so."""

    def __init__(self, system: str, objects: Objects, largest: int, closed: Callable[[], str | None]) -> None:
        self.system = system
        self._objects = objects
        self._largest = largest
        self._closed = closed
        self._listings = Listings()

    def answer(self, base: str, token: Token, request: Request) -> Answer:
        """The answer, whatever happens. `base`: the address of this service as the client knows it."""
        return self._safely(lambda: self._routed(base, token, request))

    def _safely(self, work: Callable[[], Answer]) -> Answer:
        """The answer to one request. What is wrong with the system is told to the log, not to strangers."""
        try:
            return work()
        except ScimError as error:
            return refused(error)
        except Throttled as error:
            return refused(ScimError(503, "The system asks to wait.", after=error.retry_after or _AFTER))
        except Unreachable as error:
            log.error("scim: the system does not answer", system=self.system, error=error.message)
            return refused(ScimError(503, "The system does not answer. Try again later.", after=_AFTER))
        except MusterError as error:
            log.error("scim: the system cannot be used", system=self.system, error=error.message)
            return refused(ScimError(500, "The system cannot be used as it is. The server's log says why."))
        except ConnectorBug as error:
            log.error("scim: a bug", system=self.system, error=str(error))
            return refused(ScimError(500, "Something is wrong inside. The server's log says what."))

    def _routed(self, base: str, token: Token, request: Request) -> Answer:
        types = self._objects.types()
        path = request.path
        if not path:
            raise ScimError(404, "There is nothing here: name a resource type, as in /Users.")
        head = path[0].lower()
        if head in ("serviceproviderconfig", "resourcetypes", "schemas"):
            return self._discovered(base, types, head, request)
        reader = Reader(self._objects, self._listings, base, token.id)
        if head == "me":
            return self._me(reader, token, request)
        if head == "bulk" and len(path) == 1:
            return self._bulk(base, token, request)
        if head == ".search" and len(path) == 1:
            return self._search(reader, list(types.values()), request)
        kind = types.get(head)
        if kind is None or len(path) > 2:
            raise ScimError(404, f"There is nothing at /{'/'.join(path)[:200]}.")
        if len(path) == 1:
            return self._collection(reader, kind, request)
        if path[1] == ".search":
            return self._search(reader, [kind], request)
        return self._single(reader, kind, path[1], request)

    # --- discovery

    def _discovered(self, base: str, types: Mapping[str, ResourceType], head: str, request: Request) -> Answer:
        _allow(request, *_READS)
        if "filter" in request.query:
            raise ScimError(403, "What the service says of itself cannot be filtered.")
        if head == "serviceproviderconfig":
            return Answer(200, discovery.provider_config(base, types, self._largest))
        documents = discovery.resource_types(base, types) if head == "resourcetypes" else discovery.schemas(base, types)
        if len(request.path) == 1:
            return Answer(200, discovery.listed(documents))
        return Answer(200, discovery.one_of(documents, "/".join(request.path[1:])))

    # --- resources

    def _collection(self, reader: Reader, kind: ResourceType, request: Request) -> Answer:
        _allow(request, *_READS, "POST")
        if request.method in _READS:
            return Answer(200, reader.listed([kind], asking.asked([kind], request.query)))
        self._open()
        projection = asking.projected([kind], request.query)
        written = Writer(reader).create(kind, request.document(), projection)
        return self._told(reader, kind, written, 201)

    def _search(self, reader: Reader, kinds: Sequence[ResourceType], request: Request) -> Answer:
        _allow(request, "POST")
        return Answer(200, reader.listed(kinds, asking.searched(kinds, request.document())))

    def _single(self, reader: Reader, kind: ResourceType, number: str, request: Request) -> Answer:
        _allow(request, *_READS, "PUT", "PATCH", "DELETE")
        projection = asking.projected([kind], request.query)
        if request.method in _READS:
            return self._read(reader, kind, number, projection, request)
        self._open()
        writer = Writer(reader)
        if request.method == "DELETE":
            writer.delete(kind, number, request.headers)
            return Answer(204)
        work = writer.replace if request.method == "PUT" else writer.patch
        return self._told(reader, kind, work(kind, number, request.document(), request.headers, projection), 200)

    def _read(
        self, reader: Reader, kind: ResourceType, number: str, projection: Projection, request: Request
    ) -> Answer:
        if request.query.get("filter"):
            # Entra asks so whether somebody is a member: the one resource, if it fits.
            query = asking.asked(
                [kind], {**request.query, "filter": f'id eq "{_quoted(number)}" and ({request.query["filter"]})'}
            )
            return Answer(200, reader.listed([kind], query))
        found = reader.found(kind, number)
        headers = {"ETag": versions.version(found)}
        if versions.unchanged(request.headers, found):
            return Answer(304, None, headers)
        resource = projection.of(reader.resource(kind, found, projection))
        return Answer(200, resource, {**headers, "Location": kind.location(reader.base, number)})

    def _told(self, reader: Reader, kind: ResourceType, written: Written, status: int) -> Answer:
        headers = {"Location": kind.location(reader.base, written.number)}
        if written.version is not None:
            headers["ETag"] = written.version
        return Answer(status if written.resource is not None else 204, written.resource, headers)

    # --- /Me and /Bulk

    def _me(self, reader: Reader, token: Token, request: Request) -> Answer:
        """The resource that the token stands for (RFC 7644 section 3.11)."""
        if token.me is None or len(request.path) > 1:
            raise ScimError(501, "This token stands for no user. It can be made for one: muster gateway token add --me")
        kind = reader.named("User")
        if request.method == "POST":
            raise ScimError(409, "Whoever asks is there already.", "uniqueness")
        try:
            return self._single(reader, kind, token.me, request)
        except ScimError as error:
            raise not_found("user of this token", token.me) if error.status == 404 else error from None

    def _bulk(self, base: str, token: Token, request: Request) -> Answer:
        _allow(request, "POST")
        self._open()

        def do(one: Request) -> Answer:
            if one.path and one.path[0].lower() in ("me", "bulk", ".search"):
                raise ScimError(400, f"/{one.path[0]} cannot be part of a bulk.", "invalidPath")
            return self._safely(lambda: self._routed(base, token, one))

        return Answer(200, bulk(request.document(), do, pieces, discovery.BULK_OPERATIONS))

    def _open(self) -> None:
        """Raises `ScimError` while nothing is written to the system."""
        why = self._closed()
        if why is not None:
            raise ScimError(403, why)


def pieces(path: str) -> tuple[str, ...]:
    """The parts of a path, decoded."""
    return tuple(unquote(one, errors="replace") for one in path.partition("?")[0].split("/") if one)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _allow(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise ScimError(405, f"{request.method[:20]} is not possible here: {', '.join(methods)} are.")
