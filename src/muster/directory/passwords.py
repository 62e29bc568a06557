"""The policy for passwords. The directory keeps none: nobody signs in to it with a password. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from muster.directory.errors import Invalid

_SHORTEST: Final = 8
_LONGEST: Final = 256
_CLASSES: Final = tuple(re.compile(pattern) for pattern in (r"[a-z]", r"[A-Z]", r"\d", r"[^A-Za-z0-9]"))
_NEEDED: Final = 3


def take_password(doc: dict[str, Any], now: str) -> None:
    """Hold a new password against the policy and take it out of the document. Raises `Invalid`."""
    profile = doc.get("passwordProfile")
    if profile is None or "password" not in profile:
        return
    password = profile["password"]
    strong = "DisableStrongPassword" not in (doc.get("passwordPolicies") or "")
    classes = sum(1 for one in _CLASSES if one.search(password))
    if not _SHORTEST <= len(password) <= _LONGEST or (strong and classes < _NEEDED):
        raise Invalid(
            "The specified password does not comply with password complexity requirements. Please provide a different "
            "password.",
            "password",
        )
    rest = {name: value for name, value in profile.items() if name != "password"}
    doc["passwordProfile"] = {"forceChangePasswordNextSignIn": True, **rest}
    doc["lastPasswordChangeDateTime"] = now
