"""The parameters of a request → what is asked for (RFC 7644 sections 3.4.2, 3.4.3 and 3.9, RFC 9865). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from muster.server.scim.documents import Projection, projection
from muster.server.scim.errors import ScimError, invalid_syntax
from muster.server.scim.reading import LARGEST_PAGE, PAGE, Query
from muster.server.scim.resource_type import ResourceType

SEARCH: Final = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
_MOST_NAMES: Final = 200


def projected(kinds: Sequence[ResourceType], query: Mapping[str, Any]) -> Projection:
    """`attributes` and `excludedAttributes`."""
    return projection(kinds, _names(query.get("attributes")), _names(query.get("excludedattributes")))


def asked(kinds: Sequence[ResourceType], query: Mapping[str, Any]) -> Query:
    """What a query asks for; names of parameters in lower case. Raises `ScimError`."""
    order = query.get("sortorder") or "ascending"
    if not isinstance(order, str) or order.lower() not in ("ascending", "descending"):
        raise ScimError(400, "sortOrder is ascending or descending.", "invalidValue")
    cursor = query.get("cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise ScimError(400, "The cursor must be a text.", "invalidCursor")
    if cursor is not None and query.get("startindex") is not None:
        raise ScimError(400, "Give `cursor` or `startIndex`, not both.", "invalidValue")
    return Query(
        filter=_text(query, "filter"),
        sort_by=_text(query, "sortby"),
        descending=order.lower() == "descending",
        start=max(1, _whole(query, "startindex", 1)),
        count=min(LARGEST_PAGE, max(0, _whole(query, "count", PAGE))),
        cursor=cursor,
        projection=projected(kinds, query),
    )


def searched(kinds: Sequence[ResourceType], body: Mapping[str, Any]) -> Query:
    """What a search request asks for."""
    told = {name.lower(): value for name, value in body.items()}
    if SEARCH.lower() not in [str(one).lower() for one in told.get("schemas") or []]:
        raise invalid_syntax(f"A search needs `schemas` with {SEARCH}.")
    return asked(kinds, told)


def _names(value: Any) -> list[str]:
    names = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    if len(names) > _MOST_NAMES:
        raise ScimError(400, f"More than {_MOST_NAMES} attributes are named.", "tooMany")
    return [str(one).strip() for one in names]


def _text(query: Mapping[str, Any], name: str) -> str | None:
    found = query.get(name)
    if found is not None and not isinstance(found, str):
        raise ScimError(400, f"{name} must be a text.", "invalidValue")
    return found or None


def _whole(query: Mapping[str, Any], name: str, default: int) -> int:
    found = query.get(name)
    if found in (None, ""):
        return default
    try:
        number = int(str(found)[:20])
    except ValueError:
        raise ScimError(400, f"{name} must be a whole number.", "invalidCount" if name == "count" else None) from None
    return max(-1, min(number, 1_000_000_000))
