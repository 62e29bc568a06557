"""What the directory refuses, by what can be done about it."""

from __future__ import annotations

from muster.model.errors import MusterError


class DirectoryError(MusterError):
    """The directory refuses a request; nothing of it was done."""


class NotFound(DirectoryError):
    """There is no such object."""


class Invalid(DirectoryError):
    """A value, a name or a combination that cannot be. `target` is the property."""

    def __init__(self, message: str, target: str | None = None) -> None:
        super().__init__(message)
        self.target = target


class Taken(Invalid):
    """Another object has this value, and only one may."""

    def __init__(self, target: str) -> None:
        super().__init__(f"Another object with the same value for property {target} already exists.", target)


class Unsupported(DirectoryError):
    """A query that cannot be asked, or not without the advanced query parameters."""


class Changed(DirectoryError):
    """The object is no longer what the caller last saw."""


class Expired(DirectoryError):
    """The changes since then are no longer known: start with everything."""


class Forbidden(DirectoryError):
    """The application may not do this."""


def no_such(what: str) -> NotFound:
    """The one answer for an object that is not there, or not any more."""
    return NotFound(
        f"Resource '{what}' does not exist or one of its queried reference-property objects are not present."
    )
