"""What a group holds (https://learn.microsoft.com/graph/api/resources/group)."""

from __future__ import annotations

from typing import Final

from muster.directory.schema.property import (
    EXTENSION_ATTRIBUTES,
    Property,
    Write,
    compound,
    flag,
    instant,
    text,
    texts,
)

_NAME: Final = "eq ge le startsWith"

GROUP: Final[tuple[Property, ...]] = (
    text("displayName", 256, _NAME, "null", shown=True, required=True, index=1, search=True, sort=False),
    text("description", 1024, _NAME, "null", shown=True, search=True),
    text("mail", 256, _NAME, "null", shown=True, index=4, write=Write.SYNC),
    flag("mailEnabled", "eq", shown=True, required=True),
    text("mailNickname", 64, _NAME, "null", shown=True, required=True, index=8),
    flag("securityEnabled", "eq", shown=True, required=True),
    texts("groupTypes", 64, "eq", shown=True, index=7),
    texts("proxyAddresses", 256, "eq ge le startsWith", "endsWith null", shown=True, index=12, write=Write.SYNC),
    text("visibility", 32, shown=True, choices=("Public", "Private", "HiddenMembership")),
    text("classification", 64, "eq ge le startsWith", shown=True),
    text("theme", 16, shown=True, choices=("Teal", "Purple", "Green", "Blue", "Pink", "Orange", "Red")),
    text("preferredLanguage", 100, "eq ge le startsWith", "null", shown=True),
    text("preferredDataLocation", 8, shown=True),
    flag("isAssignableToRole", "eq", shown=True, write=Write.CREATE),
    text("membershipRule", 3072, "eq ge le startsWith", shown=True),
    text("membershipRuleProcessingState", 16, "eq", shown=True, choices=("On", "Paused")),
    instant("expirationDateTime", "eq ge le", shown=True, write=Write.NEVER),
    instant("renewedDateTime", "eq ge le", shown=True, write=Write.NEVER),
    texts("resourceProvisioningOptions", 64, "eq startsWith", shown=True, write=Write.NEVER, index=15),
    texts("resourceBehaviorOptions", 64, shown=True, write=Write.CREATE),
    texts("creationOptions", 64, shown=True, write=Write.CREATE),
    text("uniqueName", 128, "eq", write=Write.CREATE, index=18),
    compound("onPremisesExtensionAttributes", *EXTENSION_ATTRIBUTES, write=Write.SYNC),
    text("onPremisesImmutableId", 256, "eq", "null", index=13, write=Write.SYNC),
    text("onPremisesDomainName", 256, shown=True, write=Write.SYNC),
    text("onPremisesNetBiosName", 256, shown=True, write=Write.SYNC),
    text("onPremisesSamAccountName", 256, _NAME, shown=True, index=14, write=Write.SYNC),
    text("onPremisesSecurityIdentifier", 184, "eq", "null", shown=True, write=Write.SYNC),
    flag("onPremisesSyncEnabled", "eq", "null", shown=True, write=Write.SYNC),
    instant("onPremisesLastSyncDateTime", "eq ge le", shown=True, write=Write.NEVER),
)
