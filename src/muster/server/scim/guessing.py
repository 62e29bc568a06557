"""Which attribute of a system is which of SCIM's, where the system file does not say it: by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from muster.model.schema import ENABLED, ObjectSchema

_USER: Final[Mapping[str, tuple[str, ...]]] = {
    "userName": ("login", "loginname", "uid", "samaccountname", "userprincipalname", "account"),
    "externalId": (),
    "name.formatted": ("fullname", "cn"),
    "name.givenName": ("givenname", "firstname", "forename"),
    "name.familyName": ("familyname", "surname", "lastname", "sn"),
    "displayName": (),
    "nickName": (),
    "title": ("jobtitle",),
    "userType": ("employeetype",),
    "preferredLanguage": (),
    "locale": (),
    "timezone": (),
    "active": (ENABLED,),
    'emails[type eq "work"].value': ("mail", "email", "emailaddress", "workemail"),
    'phoneNumbers[type eq "work"].value': ("telephonenumber", "phone", "phonenumber", "workphone"),
    'phoneNumbers[type eq "mobile"].value': ("mobile", "mobilephone"),
    'addresses[type eq "work"].streetAddress': ("streetaddress", "street"),
    'addresses[type eq "work"].locality': ("city", "locality", "l"),
    'addresses[type eq "work"].region': ("region", "state", "st"),
    'addresses[type eq "work"].postalCode': ("postalcode", "zip"),
    'addresses[type eq "work"].country': ("country", "c"),
    "enterprise.employeeNumber": ("employeenumber", "employeeid"),
    "enterprise.costCenter": ("costcenter", "costcentre"),
    "enterprise.organization": ("organization", "company", "o"),
    "enterprise.division": ("division",),
    "enterprise.department": ("department", "departmentnumber"),
    "enterprise.manager": ("manager",),
    "password": (),
    "meta.created": ("createtimestamp", "createdat", "created"),
    "meta.lastModified": ("modifytimestamp", "updatedat", "modified", "lastmodified"),
}
_GROUP: Final[Mapping[str, tuple[str, ...]]] = {
    "displayName": ("name", "cn"),
    "externalId": (),
    "members": ("member", "uniquemember"),
    "meta.created": ("createtimestamp", "createdat", "created"),
    "meta.lastModified": ("modifytimestamp", "updatedat", "modified", "lastmodified"),
}


def guessed(resource: str, schema: ObjectSchema) -> dict[str, str]:
    """SCIM attribute → attribute of the system, for those whose names tell; each attribute once."""
    names = [*schema.attributes, *([ENABLED] if schema.can_enable else [])]
    known = {_plain(name): name for name in names}
    found: dict[str, str] = {}
    for path, words in (_GROUP if resource == "Group" else _USER).items():
        name = next((known[word] for word in (_plain(path), *words) if word in known), None)
        if name is not None and name not in found.values():
            found[path] = name
    if resource == "Group" and "displayName" not in found and schema.anchor in schema.attributes:
        found["displayName"] = schema.anchor
    elif resource != "Group" and "userName" not in found and schema.anchor in schema.attributes:
        found["userName"] = schema.anchor
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")
