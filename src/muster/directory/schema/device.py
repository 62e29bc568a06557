"""What a device holds (https://learn.microsoft.com/graph/api/resources/device)."""

from __future__ import annotations

from typing import Final

from muster.directory.schema.property import (
    EXTENSION_ATTRIBUTES,
    Property,
    Type,
    Write,
    compound,
    filters,
    flag,
    instant,
    text,
    texts,
)

_NAME: Final = "eq ge le startsWith"

DEVICE: Final[tuple[Property, ...]] = (
    text("displayName", 256, _NAME, "null", shown=True, required=True, index=1, search=True, sort=True),
    flag("accountEnabled", "eq", shown=True, required=True, index=6),
    Property(
        "deviceId", Type.GUID, shown=True, required=True, write=Write.CREATE, plain=filters("eq startsWith"), index=16
    ),
    text("operatingSystem", 256, _NAME, "null", shown=True, required=True),
    text("operatingSystemVersion", 256, _NAME, "null", shown=True, required=True),
    compound(
        "alternativeSecurityIds",
        Property("type", Type.INTEGER),
        text("identityProvider", 512),
        Property("key", Type.BINARY),
        many=True,
        shown=True,
        required=True,
    ),
    text("trustType", 32, "eq", shown=True, write=Write.SYNC, choices=("Workplace", "AzureAd", "ServerAd")),
    text("profileType", 32, shown=True),
    text("deviceCategory", 256, shown=True),
    text("deviceOwnership", 32, shown=True),
    text("enrollmentType", 64, shown=True),
    text("enrollmentProfileName", 256, shown=True),
    text("managementType", 64, shown=True),
    text("manufacturer", 256, shown=True),
    text("model", 256, shown=True),
    text("deviceMetadata", 256, shown=True),
    Property("deviceVersion", Type.INTEGER, shown=True),
    text("mdmAppId", 256, "eq startsWith", shown=True),
    flag("isCompliant", "eq", shown=True),
    flag("isManaged", "eq", shown=True),
    flag("isRooted", shown=True),
    texts("physicalIds", 512, "eq ge le startsWith", shown=True, index=17),
    texts("systemLabels", 256, shown=True),
    instant("approximateLastSignInDateTime", "eq ge le", "null", shown=True, write=Write.SYNC),
    instant("complianceExpirationDateTime", shown=True, write=Write.SYNC),
    instant("registrationDateTime", shown=True, write=Write.SYNC),
    compound("extensionAttributes", *EXTENSION_ATTRIBUTES, shown=True),
    text("onPremisesImmutableId", 256, "eq", "null", index=13, write=Write.SYNC),
    text("onPremisesSecurityIdentifier", 184, "eq", write=Write.SYNC),
    flag("onPremisesSyncEnabled", "eq", "null", shown=True, write=Write.SYNC),
    instant("onPremisesLastSyncDateTime", "eq ge le", shown=True, write=Write.NEVER),
)
