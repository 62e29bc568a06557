"""The schemas of RFC 7643 section 8.7.1, for service providers that do not show their own.

One line an attribute: its name, then what departs from "a text that may be changed, case ignored": `*` many-valued,
`!` required, `=` case matters, `-` read only, `~` write only, a type, and in parentheses the parts of a complex one.
"""

from __future__ import annotations

import re
from typing import Any, Final

from muster.connectors.scim.names import ENTERPRISE

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"

_USER: Final = """
userName!
name (formatted familyName givenName middleName honorificPrefix honorificSuffix)
displayName
nickName
profileUrl= reference
title
userType
preferredLanguage
locale
timezone
active boolean
password~
emails* (value display type primary:boolean)
phoneNumbers* (value display type primary:boolean)
ims* (value display type primary:boolean)
photos* (value:reference display type primary:boolean)
addresses* (formatted streetAddress locality region postalCode country type primary:boolean)
groups*- (value $ref:reference display type)
entitlements* (value display type primary:boolean)
roles* (value display type primary:boolean)
x509Certificates* (value:binary display type primary:boolean)
"""

_ENTERPRISE: Final = """
employeeNumber
costCenter
organization
division
department
manager (value $ref:reference displayName)
"""

_GROUP: Final = """
displayName!
members* (value $ref:reference type display)
"""

_LINE: Final = re.compile(r"(\S+?)([*!=~-]*)(?: (\w+))?(?: \((.*)\))?")


def schemas() -> list[dict[str, Any]]:
    """User, Group and the enterprise extension as /Schemas would show them."""
    return [
        {"id": USER, "attributes": _attributes(_USER)},
        {"id": GROUP, "attributes": _attributes(_GROUP)},
        {"id": ENTERPRISE, "attributes": _attributes(_ENTERPRISE)},
    ]


def resource_types() -> list[dict[str, Any]]:
    """User and Group as /ResourceTypes would show them."""
    return [
        {"name": "User", "endpoint": "/Users", "schema": USER, "schemaExtensions": [{"schema": ENTERPRISE}]},
        {"name": "Group", "endpoint": "/Groups", "schema": GROUP},
    ]


def _attributes(text: str) -> list[dict[str, Any]]:
    return [_attribute(line) for line in text.strip().splitlines()]


def _attribute(line: str) -> dict[str, Any]:
    found = _LINE.fullmatch(line)
    assert found is not None, line
    name, marks, kind, parts = found.groups()
    mutability = "readOnly" if "-" in marks else "writeOnly" if "~" in marks else "readWrite"
    attribute = {
        "name": name,
        "type": "complex" if parts else kind or "string",
        "multiValued": "*" in marks,
        "required": "!" in marks,
        "caseExact": "=" in marks,
        "mutability": mutability,
        "uniqueness": "server" if name == "userName" else "none",
    }
    if parts:
        named = [part.partition(":") for part in parts.split()]
        attribute["subAttributes"] = [
            {"name": part, "type": kind or "string", "multiValued": False, "mutability": mutability}
            for part, _, kind in named
        ]
    return attribute
