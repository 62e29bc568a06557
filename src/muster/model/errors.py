"""Errors, by what can be done about them. A message says what, where and what to do next; never a secret."""

from __future__ import annotations


class MusterError(Exception):
    """Anything Muster says in words. Everything else that is raised is a bug."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


# --- somebody must change something before it can go on


class ProjectError(MusterError):
    """The project folder, a file or an option is wrong: mend it and start again."""


class NotFound(ProjectError):
    """What was asked for by its name is not there: give another name."""


class Ambiguous(ProjectError):
    """What was asked for by its name is more than one: give a name that is one's alone."""


class StoreError(MusterError):
    """The store cannot be used as it is (made by a newer Muster, not reachable, not a store)."""


class TooLong(StoreError):
    """A query took longer than it may; the store is as it was."""


class IncompleteRead(MusterError):
    """What a system holds could not be read to its end (a broken file, a lacking column). Nothing is inferred."""


class AuthFailed(MusterError):
    """The system refuses the credentials, or they lack a right that is named."""


# --- it may go better later


class Unreachable(MusterError):
    """The system does not answer."""


class SessionLost(Unreachable):
    """Whoever carried the session to the system is gone, not the system: a new session can go on at once."""


class Throttled(MusterError):
    """The system asks to be left alone for a while; `retry_after` in seconds when it says how long."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LeaseRefused(MusterError):
    """Another run works on the same system or project; the message names it."""


# --- Muster itself knows what to do


class WatermarkExpired(MusterError):
    """The system no longer knows the watermark: read everything."""


class WentBack(WatermarkExpired):
    """The system was put back to an earlier state: read everything, and tell people why."""


SESSION_ENDING = (Unreachable, Throttled, AuthFailed, WentBack, WatermarkExpired, IncompleteRead, ProjectError)
"""What a connector may raise. Anything else it raises is a bug of the connector."""
