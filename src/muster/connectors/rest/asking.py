"""Requests of the system file, filled and sent, over whatever carries them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from muster.connectors.rest import templates
from muster.connectors.rest.answers import Answer, advice, meaning, said
from muster.connectors.rest.picks import Pick
from muster.connectors.rest.requests import Request
from muster.connectors.rest.settings import Meaning, Rule
from muster.model.errors import IncompleteRead
from muster.model.secrets import Secret

Known: TypeAlias = Mapping[str, Any]
"""What fills the holes of a request."""


class Asking(ABC):
    """A session with one application. Raises `Unreachable`, `AuthFailed`, `Throttled` and `IncompleteRead`."""

    def __init__(self, system: str, rules: Sequence[Rule], message: Pick | None) -> None:
        self.system = system
        self._rules = rules
        self._message = message
        self.doubtful: set[int] = set()
        """The keys of creates of which nobody knows whether they were done: these are looked for first."""

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""

    @abstractmethod
    def hide(self, secret: Secret) -> None:
        """A secret that no text may show."""

    @abstractmethod
    def redacted(self, text: str) -> str:
        """The text without secrets."""

    @abstractmethod
    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        form: bool = False,
        once: bool = False,
        reading: bool = False,
    ) -> Answer:
        """One request. `reading` True: that it is forbidden is about everything, and raises `AuthFailed`."""

    def send(self, request: Request, known: Known, *, once: bool = False) -> Answer:
        """One request of the system file. Raises `Unfit` for a value that cannot stand where it is put."""
        body: Any = templates.form(request.body, known) if request.form else templates.body(request.body, known)
        return self.ask(
            request.method,
            templates.path(request.path, known),
            templates.query(request.parameters, known),
            body,
            headers=templates.headers(request.headers, known),
            form=request.form,
            once=once,
        )

    def meaning(self, found: Answer, operation: str) -> Meaning:
        """What an answer means."""
        return meaning(found, operation, self._rules)

    def refusal(self, method: str, path: str, found: Answer) -> str:
        """How a request was answered, and what to do about it."""
        words = self.redacted(f"{self.called(method, path)} was answered {said(found, self._message)}")
        return f"{words}. {advice(found)}".rstrip()

    def called(self, method: str, path: str) -> str:
        """A request as people know it."""
        return f"{method} {path}"

    def not_readable(self, method: str, path: str, found: Answer) -> IncompleteRead:
        """The error for an answer that is no list or no record."""
        return IncompleteRead(f"{self.system}: {self.refusal(method, path, found)}")
