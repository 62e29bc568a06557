"""What an organisational contact holds (https://learn.microsoft.com/graph/api/resources/orgcontact)."""

from __future__ import annotations

from typing import Final

from muster.directory.schema.property import Property, Write, compound, flag, instant, text, texts

_NAME: Final = "eq ge le startsWith"

CONTACT: Final[tuple[Property, ...]] = (
    text("displayName", 256, _NAME, "null", shown=True, required=True, index=1, search=True, sort=True),
    text("givenName", 64, _NAME, "null", shown=True, index=2),
    text("surname", 64, _NAME, "null", shown=True, index=3),
    text("jobTitle", 128, _NAME, "null", shown=True),
    text("department", 64, _NAME, "null", shown=True),
    text("companyName", 64, _NAME, "null", shown=True),
    text("mail", 256, _NAME, "null", shown=True, index=4),
    text("mailNickname", 64, _NAME, "null", shown=True, index=8),
    texts("proxyAddresses", 256, "eq ge le startsWith", "null", shown=True, index=12),
    compound(
        "addresses",
        text("city", 128),
        text("countryOrRegion", 128),
        text("officeLocation", 128),
        text("postalCode", 40),
        text("state", 128),
        text("street", 1024),
        many=True,
        shown=True,
    ),
    compound("phones", text("number", 64), text("type", 32), many=True, shown=True),
    text("onPremisesImmutableId", 256, "eq", "null", index=13, write=Write.SYNC),
    flag("onPremisesSyncEnabled", "eq", "null", shown=True, write=Write.SYNC),
    instant("onPremisesLastSyncDateTime", "eq ge le", shown=True, write=Write.NEVER),
)
