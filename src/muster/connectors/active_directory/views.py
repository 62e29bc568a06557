"""Attributes as people think of them, over the bits and numbers in which Active Directory keeps them.

Pure, tested without a server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from muster.connectors.ldap.requests import NOTHING
from muster.model.schema import ENABLED
from muster.model.values import Attribute, Type, Value, WrongType, convert, shown

CONTROL: Final = "userAccountControl"
GROUP_TYPE: Final = "groupType"
LAST_SET: Final = "pwdLastSet"
LOCKOUT: Final = "lockoutTime"
COMPUTED: Final = "msDS-User-Account-Control-Computed"

DISABLED: Final = 0x2
NORMAL: Final = 0x200
WORKSTATION: Final = 0x1000
SECURITY: Final = 0x8000_0000
SCOPES: Final[Mapping[str, int]] = {"global": 0x2, "domainLocal": 0x4, "universal": 0x8}

_LOCKED: Final = 0x10
_MATCHES_BITS: Final = "1.2.840.113556.1.4.803"


@dataclass(frozen=True, slots=True)
class View:
    """One such attribute: read from the number in `seen`, written to the number in `stored`.

    `put` gives the number with the value in it. `swapped`: other values stand in the same number, so that it is written
    only if it still is what it was. `found`: the filter for objects that show the value.
    """

    attribute: Attribute
    seen: str
    stored: str
    shows: Callable[[int], Value]
    put: Callable[[int, Value], int]
    found: Callable[[Value], str]
    swapped: bool = False

    @property
    def name(self) -> str:
        """The attribute's name."""
        return self.attribute.name


def _bit(name: str, bit: int, description: str, *, inverse: bool = False) -> View:
    attribute = Attribute(name, Type.BOOLEAN, description=description)

    def shows(number: int) -> Value:
        return bool(number & bit) is not inverse

    def put(number: int, value: Value) -> int:
        return number | bit if _truth(attribute, value) is not inverse else number & ~bit

    def found(value: Value) -> str:
        asked = f"({CONTROL}:{_MATCHES_BITS}:={bit})"
        return asked if _truth(attribute, value) is not inverse else f"(&({CONTROL}=*)(!{asked}))"

    return View(attribute, CONTROL, CONTROL, shows, put, found, swapped=True)


def _truth(attribute: Attribute, value: Value) -> bool:
    converted = convert(value, attribute)
    if not isinstance(converted, bool):
        raise WrongType(f"expected true or false, found {shown(value)}")
    return converted


# --- locked out, must change the password

_LOCKED_OUT: Final = Attribute(
    "lockedOut", Type.BOOLEAN, description="Locked after too many wrong passwords; writing false unlocks."
)
_MUST_CHANGE: Final = Attribute("mustChangePassword", Type.BOOLEAN, description="Must set a new password to log in.")


def _unlocked(_number: int, value: Value) -> int:
    if _truth(_LOCKED_OUT, value):
        raise WrongType("only false can be written, which unlocks; to keep somebody out write enabled")
    return 0


def _must_change(_number: int, value: Value) -> int:
    return 0 if _truth(_MUST_CHANGE, value) else -1


def _locked_filter(value: Value) -> str:
    return f"({LOCKOUT}>=1)" if _truth(_LOCKED_OUT, value) else f"(!({LOCKOUT}>=1))"


def _must_change_filter(value: Value) -> str:
    return f"({LAST_SET}=0)" if _truth(_MUST_CHANGE, value) else f"(&({LAST_SET}=*)(!({LAST_SET}=0)))"


# --- groups

_SCOPE: Final = Attribute(
    "groupScope", exact=False, description="Where a group counts and who may be in it: global, domainLocal, universal."
)
_SECURITY: Final = Attribute(
    "securityEnabled", Type.BOOLEAN, description="Rights can be given to the group; else it only distributes mail."
)


def _scope(number: int) -> Value:
    return next((name for name, bit in SCOPES.items() if number & bit), None)


def _with_scope(number: int, value: Value) -> int:
    bit = next((bit for name, bit in SCOPES.items() if name.lower() == str(value or "").lower()), None)
    if bit is None:
        raise WrongType(f"expected global, domainLocal or universal, found {shown(value)}")
    return number & ~sum(SCOPES.values()) | bit


def _scope_filter(value: Value) -> str:
    try:
        bit = _with_scope(0, value)
    except WrongType:
        return NOTHING
    return f"({GROUP_TYPE}:{_MATCHES_BITS}:={bit})"


def _security_filter(value: Value) -> str:
    asked = f"({GROUP_TYPE}:{_MATCHES_BITS}:={SECURITY})"
    return asked if _truth(_SECURITY, value) else f"(!{asked})"


VIEWS: Final[tuple[View, ...]] = (
    _bit(ENABLED, DISABLED, "Whether the account may log in.", inverse=True),
    _bit("passwordNeverExpires", 0x1_0000, "The password stays good for ever."),
    _bit("passwordNotRequired", 0x20, "The account may have an empty password."),
    _bit("smartcardRequired", 0x4_0000, "Logs in with a smart card only; no password works."),
    _bit("trustedForDelegation", 0x8_0000, "May act for anybody who logs in to it (unconstrained delegation)."),
    _bit("accountNotDelegated", 0x10_0000, "Nobody may act for this account."),
    _bit("doesNotRequirePreAuth", 0x40_0000, "Kerberos tickets are given without proof; a risk."),
    _bit("trustedToAuthForDelegation", 0x100_0000, "May act for others towards the services that it names."),
    View(_LOCKED_OUT, COMPUTED, LOCKOUT, lambda number: bool(number & _LOCKED), _unlocked, _locked_filter),
    View(_MUST_CHANGE, LAST_SET, LAST_SET, lambda number: number == 0, _must_change, _must_change_filter),
    View(_SCOPE, GROUP_TYPE, GROUP_TYPE, _scope, _with_scope, _scope_filter, swapped=True),
    View(
        _SECURITY,
        GROUP_TYPE,
        GROUP_TYPE,
        lambda number: bool(number & SECURITY),
        lambda number, value: number | SECURITY if _truth(_SECURITY, value) else number & ~SECURITY,
        _security_filter,
        swapped=True,
    ),
)


def views_of(attributes: Mapping[str, object]) -> dict[str, View]:
    """The views of a class that has these attributes, by name."""
    return {view.name: view for view in VIEWS if view.stored in attributes}


def unsigned(text: bytes) -> int:
    """The number as it stands in the directory, its bits counted from 0 (groupType is written as a signed number)."""
    number = int(text)
    return number + (1 << 32) if number < 0 and number >= -(1 << 31) else number


def signed(number: int, stored: str) -> bytes:
    """The number as the directory wants it."""
    if stored == GROUP_TYPE and number >= SECURITY:
        number -= 1 << 32
    return str(number).encode()
