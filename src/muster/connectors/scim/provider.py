"""What a service provider says that it can do (RFC 7643 section 5, RFC 9865 section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Provider:
    """What /ServiceProviderConfig says, or what RFC 7644 demands where there is none.

    `largest_page`: objects, 0 where any number may be asked for. `bulk_operations`: 1 where there are no bulks.
    `bulk_payload`: bytes, 0 where any number may be sent.
    """

    told: bool = False
    patch: bool = True
    filter: bool = True
    etag: bool = False
    cursor: bool = False
    passwords: bool = True
    largest_page: int = 0
    bulk_operations: int = 1
    bulk_payload: int = 0


def provider_of(told: Mapping[str, Any]) -> Provider:
    """What the server says. What it does not mention it cannot do, but for passwords."""

    def part(name: str) -> Mapping[str, Any]:
        found = told.get(name)
        return found if isinstance(found, dict) else {}

    def supported(name: str) -> bool:
        return bool(part(name).get("supported"))

    def number(name: str, key: str) -> int:
        found = part(name).get(key)
        return found if isinstance(found, int) and found > 0 else 0

    pages = [found for found in (number("filter", "maxResults"), number("pagination", "maxPageSize")) if found]
    bulks = supported("bulk") and number("bulk", "maxOperations") > 1
    return Provider(
        told=True,
        patch=supported("patch"),
        filter=supported("filter"),
        etag=supported("etag"),
        cursor=bool(part("pagination").get("cursor")),
        passwords="changePassword" not in told or supported("changePassword"),
        largest_page=min(pages, default=0),
        bulk_operations=number("bulk", "maxOperations") if bulks else 1,
        bulk_payload=number("bulk", "maxPayloadSize") if bulks else 0,
    )
