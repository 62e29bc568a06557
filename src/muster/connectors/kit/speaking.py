"""How what a connector raises is allowed to speak: without secrets, naming the system, and a bug called a bug."""

from __future__ import annotations

from collections.abc import Sequence

from muster.connectors.kit.redaction import Redactor
from muster.model.errors import SESSION_ENDING, MusterError


class ConnectorBug(MusterError):
    """A connector did what its contract forbids. The run stops and says so."""


class Speaker:
    """The voice of one connector to one system."""

    def __init__(self, system: str, connector: str, redact: Redactor) -> None:
        self.system = system
        self.connector = connector
        self.redact = redact

    def heard(self, doing: str, ours: Sequence[BaseException] = ()) -> Heard:
        """Let pass what may end a session, cleaned; everything else but `ours` becomes a `ConnectorBug`."""
        return Heard(self, doing, ours)

    def judge(self, error: BaseException, doing: str, ours: Sequence[BaseException]) -> None:
        """Return when the error may pass. Raises `ConnectorBug` in its place otherwise."""
        if isinstance(error, SESSION_ENDING):
            self._clean(error)
        elif isinstance(error, Exception) and error not in ours:
            raise self.bug(doing, f"{type(error).__name__}: {error}") from self._without_secrets(error)

    def bug(self, doing: str, what: str) -> ConnectorBug:
        """The error that says what the connector did wrong, and while doing what."""
        return ConnectorBug(
            f"{self.system}: the connector {self.connector!r} has a bug: while {doing}: {self.redact(what)}. "
            "Report this. Nothing more is done with this system now."
        )

    def _clean(self, error: MusterError) -> None:
        text = self.redact(error.message)
        error.message = text if self.system in text else f"{self.system}: {text}"
        error.args = (error.message,)
        if self._without_secrets(error.__cause__ or error.__context__) is None:
            error.__cause__ = None
            error.__context__ = None

    def _without_secrets(self, error: BaseException | None) -> BaseException | None:
        """The error, or None when a text in its chain would show a secret."""
        link = error
        while link is not None:
            if self.redact(str(link)) != str(link):
                return None
            link = link.__cause__ or link.__context__
        return error


class Heard:
    """The block in which a connector is heard. It may be entered again, for it is so once for each outcome."""

    def __init__(self, speaker: Speaker, doing: str, ours: Sequence[BaseException]) -> None:
        self._speaker = speaker
        self._doing = doing
        self._ours = ours

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._speaker.judge(error, self._doing, self._ours)
