"""Entra Connect's names of metaverse and cloud attributes, as the project has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from muster.migration.entra.targets import target_name
from muster.migration.entra.vocabulary import metaverse_name
from muster.model.values import Attribute, Type

_METAVERSE: Final[Mapping[str, str]] = {
    "sn": "surname",
    "l": "city",
    "st": "state",
    "c": "country",
    "accountname": "onPremisesSamAccountName",
    "distinguishedname": "onPremisesDistinguishedName",
    "objectsidstring": "onPremisesSecurityIdentifier",
    "domainfqdn": "onPremisesDomainName",
    "sourceanchor": "onPremisesImmutableId",
    "physicaldeliveryofficename": "officeLocation",
    "title": "jobTitle",
    "company": "companyName",
    "mobile": "mobilePhone",
    "facsimiletelephonenumber": "faxNumber",
    "member": "members",
    "employeeid": "employeeId",
}
_CLOUD: Final[Mapping[str, str]] = {
    "sourceanchor": "onPremisesImmutableId",
    "member": "members",
    "alias": "mailNickname",
    "company": "companyName",
    "title": "jobTitle",
    "dnsdomainname": "onPremisesDomainName",
    "onpremisesecurityidentifier": "onPremisesSecurityIdentifier",
}
_BOOLEAN: Final = frozenset(
    {"cloudfiltered", "cloudnoflow", "cloudmastered", "mailenabled", "securityenabled", "msexchhidefromaddresslists",
     "msexchrequireauthtosendto"}
)  # fmt: skip
_REFERENCES: Final = frozenset(
    {"assistant", "managedby", "authorig", "unauthorig", "publicdelegates", "altrecipient", "dlmemsubmitperms",
     "dlmemrejectperms", "msexchbypassmoderationlink", "msexchbypassmoderationfromdlmemberslink",
     "msexchmoderatedbylink", "msexchcomanagedbylink"}
)  # fmt: skip
_BINARY: Final = frozenset({"sourceanchorbinary", "thumbnailphoto"})
_SIDS: Final = frozenset({"objectsid", "msexchmasteraccountsid", "msrtcsip-originatorsid"})
_FROM_SID: Final = re.compile(r"StringFromSid\(\s*(\[[^\[\]]*\])\s*\)", re.IGNORECASE)
_MANY_BINARY: Final = frozenset({"usercertificate", "usersmimecertificate"})
_MANY: Final = frozenset(
    {"otherfacsimiletelephonenumber", "otherhomephone", "otheripphone", "othermobile", "otherpager", "othertelephone",
     *(f"msexchextensioncustomattribute{number}" for number in range(1, 6))}
)  # fmt: skip


@dataclass(slots=True)
class Vocabulary:
    """Names over one identity type; `declared` fills with those that the built-in attributes lack."""

    identity: str
    attributes: Mapping[str, Attribute]
    declared: dict[str, Any] = field(default_factory=dict)
    merged: frozenset[str] = frozenset()
    """The metaverse attributes, lower-case, into which values are merged: they have many."""
    types: Mapping[str, Any] = field(default_factory=dict)
    """What the export itself says of the metaverse's attributes, by lower-case name."""

    def attribute(self, name: str) -> str:
        """The identity's attribute for Connect's; declared when it is new."""
        made = _METAVERSE.get(name.lower(), name)
        spelled = next((known for known in self.attributes if known.lower() == made.lower()), None)
        if spelled is not None:
            return spelled
        made = metaverse_name(made)
        self.declared.setdefault(made, self._type(name.lower()))
        return made

    def term(self, name: str) -> str:
        """What stands in an expression over the identity."""
        return f"[{self.attribute(name)}]"

    def is_reference(self, name: str) -> bool:
        """Whether the identity's attribute names other identities."""
        made = self.attribute(name)
        found = self.attributes.get(made)
        return (
            found.type is Type.REFERENCE if found is not None else self.declared[made] in ("reference", ["reference"])
        )

    def is_many(self, name: str) -> bool:
        """Whether the identity's attribute has many values."""
        made = self.attribute(name)
        found = self.attributes.get(made)
        return found.many if found is not None else isinstance(self.declared.get(made), list)

    def _type(self, name: str) -> Any:
        if name in _SIDS:
            return "text"
        if name in self.types:
            return self.types[name]
        if name in _REFERENCES:
            return "reference" if name in {"assistant", "managedby"} else ["reference"]
        if name in _MANY_BINARY:
            return ["binary"]
        if name in _MANY or name in self.merged:
            return ["text"]
        return "boolean" if name in _BOOLEAN else "binary" if name in _BINARY else "text"


def connected_term(connector: str, name: str) -> str:
    """What stands in an expression for an attribute of the connected system. Connect reads objectGUID as bytes."""
    if connector == "active_directory" and name.lower() == "objectguid":
        return "CGuid([objectGUID])"
    return f"[{connected_name(connector, name)}]"


def without_sids(expression: str) -> str:
    """The expression without StringFromSid around an attribute: the connectors show SIDs as texts."""
    return _FROM_SID.sub(r"\1", expression)


def connected_name(connector: str, name: str) -> str:
    """An attribute of the connected system as the project's connector calls it."""
    if connector == "graph":
        return _CLOUD.get(name.lower(), target_name("graph", name).name)
    return name
