"""Many requests in one (RFC 7644 section 3.7): pure, tested without a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson

from muster.connectors.scim.answers import Answer, Request, shown_version
from muster.connectors.scim.names import Resource

REQUEST: Final = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
_HEAD: Final = 100
"""Bytes of a bulk beside its operations."""


def packs(requests: Sequence[Request], most: int, largest: int) -> Iterator[list[tuple[int, Request]]]:
    """The requests, with their numbers, in bulks of at most `most` operations and `largest` bytes (0: any number).

    One that is larger alone goes alone: not as a bulk.
    """
    pack: list[tuple[int, Request]] = []
    size = _HEAD
    for number, request in enumerate(requests):
        more = len(orjson.dumps(_operation(number, request))) + 1 if largest else 0
        if pack and (len(pack) >= most or (largest and size + more > largest)):
            yield pack
            pack, size = [], _HEAD
        pack.append((number, request))
        size += more
    if pack:
        yield pack


def body(pack: Sequence[tuple[int, Request]]) -> Resource:
    """The bulk. Without failOnErrors: one that fails stops no other."""
    return {"schemas": [REQUEST], "Operations": [_operation(number, request) for number, request in pack]}


def _operation(number: int, request: Request) -> Resource:
    found: Resource = {"method": request.method, "bulkId": str(number), "path": request.path}
    if request.version is not None:
        found["version"] = request.version
    if request.body is not None:
        found["data"] = request.body
    return found


def answers(pack: Sequence[tuple[int, Request]], answered: Answer) -> dict[int, Answer]:
    """What became of each request of a bulk, by number. One without an answer of its own is in doubt."""
    listed = (answered.document or {}).get("Operations")
    told = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    by_id = {str(one.get("bulkId")): one for one in told}
    in_order = len(told) == len(pack) and all("bulkId" not in one for one in told)
    found: dict[int, Answer] = {}
    for place, (number, request) in enumerate(pack):
        one = told[place] if in_order else by_id.get(str(number))
        found[number] = _SILENT if one is None or not _is_of(one, request) else _answer(one)
    return found


def _is_of(told: Resource, request: Request) -> bool:
    return str(told.get("method") or request.method).upper() == request.method


def _answer(told: Resource) -> Answer:
    status = _status(told.get("status"))
    document = told.get("response")
    document = document if isinstance(document, dict) else None
    version = told.get("version") or shown_version(document)
    return Answer(
        status,
        document,
        str(version) if version else None,
        str(told.get("location") or ""),
        phrase=_phrase(status),
    )


def _status(told: Any) -> int:
    """RFC 7644 has a text; some write a number, and SCIM 1.1 had `{"code": …}`."""
    told = told.get("code") if isinstance(told, dict) else told
    return int(told) if str(told).isdigit() else _SILENT.status


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


_SILENT: Final = Answer(500, phrase="in a bulk that says nothing of it")
