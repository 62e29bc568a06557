"""The built-in metaverse types, with the attribute names of Microsoft Graph v1.0.

https://learn.microsoft.com/graph/api/resources/user, …/group, …/device, …/orgcontact; `org-unit` has no resource there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from muster.model.values import Attribute, Type

_EXTENSIONS: Final = " ".join(f"extensionAttribute{number}" for number in range(1, 16))

_PERSON: Final[Mapping[Type, str]] = {
    Type.TEXT: f"""
        id aboutMe ageGroup city companyName consentProvidedForMinor costCenter country creationType department
        displayName division employeeId employeeType externalUserState faxNumber givenName jobTitle
        legalAgeGroupClassification mail mailNickname mobilePhone mySite officeLocation
        onPremisesDistinguishedName onPremisesDomainName onPremisesImmutableId onPremisesObjectGuid
        onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesUserPrincipalName passwordPolicies postalCode
        preferredDataLocation preferredLanguage preferredName securityIdentifier state streetAddress surname
        usageLocation userPrincipalName userType {_EXTENSIONS}
    """,
    Type.BOOLEAN: "accountEnabled active isResourceAccount onPremisesSyncEnabled showInAddressList",
    Type.DATETIME: """
        createdDateTime deletedDateTime birthday employeeHireDate employeeLeaveDateTime
        externalUserStateChangeDateTime hireDate lastPasswordChangeDateTime onPremisesLastSyncDateTime
        refreshTokensValidFromDateTime signInSessionsValidFromDateTime
    """,
    Type.REFERENCE: "manager",
}
_PERSON_MANY: Final = """
    businessPhones imAddresses interests otherMails pastProjects proxyAddresses responsibilities schools skills
"""

_GROUP: Final[Mapping[Type, str]] = {
    Type.TEXT: f"""
        id classification description displayName mail mailNickname membershipRule membershipRuleProcessingState
        onPremisesDistinguishedName onPremisesDomainName onPremisesNetBiosName onPremisesObjectGuid
        onPremisesSamAccountName onPremisesSecurityIdentifier preferredDataLocation preferredLanguage
        securityIdentifier theme uniqueName visibility {_EXTENSIONS}
    """,
    Type.BOOLEAN: """
        active allowExternalSenders autoSubscribeNewMembers hideFromAddressLists hideFromOutlookClients
        isAssignableToRole mailEnabled onPremisesSyncEnabled securityEnabled
    """,
    Type.DATETIME: "createdDateTime deletedDateTime expirationDateTime onPremisesLastSyncDateTime renewedDateTime",
}
_GROUP_MANY: Final = "groupTypes proxyAddresses resourceBehaviorOptions resourceProvisioningOptions"

_DEVICE: Final[Mapping[Type, str]] = {
    Type.TEXT: f"""
        id deviceCategory deviceId deviceMetadata deviceOwnership displayName enrollmentProfileName enrollmentType
        managementType manufacturer mdmAppId model onPremisesObjectGuid onPremisesSecurityIdentifier operatingSystem
        operatingSystemVersion profileType trustType {_EXTENSIONS}
    """,
    Type.BOOLEAN: "accountEnabled active isCompliant isManaged isManagementRestricted isRooted onPremisesSyncEnabled",
    Type.INTEGER: "deviceVersion",
    Type.DATETIME: """
        approximateLastSignInDateTime complianceExpirationDateTime createdDateTime deletedDateTime
        onPremisesLastSyncDateTime registrationDateTime
    """,
}
_DEVICE_MANY: Final = "physicalIds systemLabels"

_UNIT: Final[Mapping[Type, str]] = {
    Type.TEXT: f"""
        id city code companyName costCenter country description displayName mail onPremisesDistinguishedName
        onPremisesObjectGuid postalCode state streetAddress type {_EXTENSIONS}
    """,
    Type.BOOLEAN: "active",
    Type.REFERENCE: "manager parent",
}

_CONTACT: Final[Mapping[Type, str]] = {
    Type.TEXT: f"""
        id city companyName country department displayName faxNumber givenName jobTitle mail mailNickname mobilePhone
        officeLocation onPremisesDistinguishedName onPremisesObjectGuid postalCode state streetAddress surname
        {_EXTENSIONS}
    """,
    Type.BOOLEAN: "active onPremisesSyncEnabled",
    Type.DATETIME: "createdDateTime deletedDateTime onPremisesLastSyncDateTime",
    Type.REFERENCE: "manager",
}
_CONTACT_MANY: Final = "businessPhones proxyAddresses"

_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "active": "Whether the identity is here now.",
    "manager": "The person this one reports to.",
    "members": "Direct members; memberOf is the reverse.",
    "parent": "The unit above.",
    "id": "The object's id in the cloud directory.",
}

MEMBER_OF: Final = "memberOf"
"""The reverse of `members`: may be read of every identity, never written."""

_TARGETS: Final[Mapping[str, tuple[str, ...]]] = {
    "manager": ("person", "contact"),
    "members": ("person", "group", "device", "contact"),
    "owners": ("person",),
    "registeredOwners": ("person",),
    "registeredUsers": ("person",),
    "parent": ("org-unit",),
    MEMBER_OF: ("group",),
}


def _made(single: Mapping[Type, str], many: str, edges: Mapping[str, bool]) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    for kind, names in single.items():
        for name in names.split():
            found[name] = Attribute(name, kind, description=_DESCRIPTIONS.get(name, ""))
    for name in many.split():
        found[name] = Attribute(name, Type.TEXT, many=True)
    for name, large in edges.items():
        found[name] = Attribute(name, Type.REFERENCE, many=True, large=large, description=_DESCRIPTIONS.get(name, ""))
    return dict(sorted(found.items()))


BUILT_IN: Final[Mapping[str, Mapping[str, Attribute]]] = {
    "contact": _made(_CONTACT, _CONTACT_MANY, {}),
    "device": _made(_DEVICE, _DEVICE_MANY, {"registeredOwners": False, "registeredUsers": False}),
    "group": _made(_GROUP, _GROUP_MANY, {"members": True, "owners": False}),
    "org-unit": _made(_UNIT, "", {}),
    "person": _made(_PERSON, _PERSON_MANY, {}),
}
"""Type name → attribute name → attribute."""


def targets(attribute: str, types: Mapping[str, object]) -> tuple[str, ...]:
    """The types that a reference attribute may lead to: the built-in ones by name, any type otherwise."""
    return _TARGETS.get(attribute, tuple(sorted(types)))
