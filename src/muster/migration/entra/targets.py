"""Names of a target's attributes, as the connector of the target's system has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"
_CORE: Final = re.compile(r"urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):")
_LISTED: Final = re.compile(r'\w+\[type eq "(?:work|home|mobile|fax|pager|other|photo|thumbnail)"\]\.\w+')

_SWITCHES: Final[Mapping[tuple[str, str], bool]] = {
    ("scim", "active"): True,
    ("graph", "accountenabled"): True,
    ("graph", "issoftdeleted"): False,
    ("active_directory", "accountdisabled"): False,
}
"""What `enabled` stands for, by connector; False: the other way round."""

_SOFT: Final = frozenset(
    {"active", "isactive", "enabled", "isenabled", "accountenabled", "accountdisabled", "issoftdeleted", "disabled",
     "isdisabled", "suspended", "issuspended", "locked_out", "status", "u_active", "deleted", "archived"}
)  # fmt: skip
_PASSWORDS: Final = frozenset({"password", "unicodepwd", "passwordprofile.password", "userpassword"})
_GRAPH: Final[Mapping[str, str]] = {
    "physicaldeliveryofficename": "officeLocation",
    "mobile": "mobilePhone",
    "telephonenumber": "businessPhones",
    "facsimiletelephonenumber": "faxNumber",
    "immutableid": "onPremisesImmutableId",
    "objectid": "id",
    "costcenter": "costCenter",
    "employeeorgdata.costcenter": "costCenter",
    "employeeorgdata.division": "division",
}


@dataclass(frozen=True, slots=True)
class TargetName:
    """A target's attribute; `upright` False: `enabled` is what the old attribute is not."""

    name: str
    upright: bool = True


def target_name(connector: str, name: str) -> TargetName:
    """The attribute in the connector's words."""
    switch = _SWITCHES.get((connector, name.lower()))
    if switch is not None:
        return TargetName("enabled", switch)
    if connector == "scim":
        if name.startswith(_ENTERPRISE):
            return TargetName(f"enterprise.{name.removeprefix(_ENTERPRISE)}")
        return TargetName(_CORE.sub("", name))
    if connector == "graph":
        return TargetName(_GRAPH.get(name.lower(), name))
    return TargetName(name)


def is_switch(name: str) -> bool:
    """Whether the name is one by which applications call an account's switch."""
    return name.lower() in _SOFT


def is_password(name: str) -> bool:
    """Whether the attribute is a password."""
    return name.lower() in _PASSWORDS


def must_be_listed(connector: str, name: str) -> bool:
    """Whether the system file has to name the attribute before the connector knows it."""
    return connector == "scim" and "[" in name and _LISTED.fullmatch(name) is None
