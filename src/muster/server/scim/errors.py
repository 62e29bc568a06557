"""What a client is told when something does not go (RFC 7644 section 3.12)."""

from __future__ import annotations

from typing import Any, Final

ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimError(Exception):
    """An answer that is an error. `kind` is RFC 7644's scimType; `after`: seconds until it may go better."""

    def __init__(self, status: int, detail: str, kind: str | None = None, after: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.after = after

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        kind = {"scimType": self.kind} if self.kind else {}
        return {"schemas": [ERROR], "status": str(self.status), **kind, "detail": self.detail}


def invalid_value(detail: str) -> ScimError:
    """A value that the attribute cannot have."""
    return ScimError(400, detail, "invalidValue")


def invalid_path(detail: str) -> ScimError:
    """A path that leads nowhere."""
    return ScimError(400, detail, "invalidPath")


def invalid_filter(detail: str) -> ScimError:
    """A filter that cannot be answered."""
    return ScimError(400, detail, "invalidFilter")


def invalid_syntax(detail: str) -> ScimError:
    """A body that is no such message."""
    return ScimError(400, detail, "invalidSyntax")


def not_found(kind: str, number: str) -> ScimError:
    """There is no such resource."""
    return ScimError(404, f"There is no {kind} {number[:200]!r}.")
