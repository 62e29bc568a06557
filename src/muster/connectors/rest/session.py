"""One session with one application, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muster.connectors.kit.auth import AuthorizedSession
from muster.connectors.rest.answers import Answer, answer
from muster.connectors.rest.asking import Asking
from muster.connectors.rest.picks import pick
from muster.connectors.rest.settings import RestSettings
from muster.model.secrets import Secret


class Session(Asking):
    """Requests to one application. Raises `Unreachable`, `AuthFailed`, `Throttled` and `IncompleteRead`."""

    def __init__(self, system: str, settings: RestSettings, folder: Path) -> None:
        super().__init__(system, settings.errors, pick(settings.message) if settings.message is not None else None)
        self._http = AuthorizedSession(
            system,
            settings.url,
            settings.login,
            headers={"Accept": "application/json", **settings.headers},
            verify=folder / settings.ca if settings.ca is not None else True,
            timeout=settings.timeout,
            largest=settings.largest,
            whole=settings.whole,
            rate=settings.rate,
        )

    def open(self) -> None:
        """Nothing: HTTP connects with its first request."""

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def hide(self, secret: Secret) -> None:
        """A secret that no text may show."""
        self._http.hide(secret)

    def redacted(self, text: str) -> str:
        """The text without this session's secrets."""
        return self._http.redacted(text)

    # --- requests

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
        """One request. `reading` True: a 403 is about everything, and raises `AuthFailed`."""
        response = self._http.request(
            method,
            path,
            params=dict(query) or None,
            json=None if form or body is None else body,
            data=body if form else None,
            headers=headers,
            forbidden=not reading,
            once=once,
        )
        return answer(
            response.status_code,
            response.content,
            response.headers.get("Content-Type", ""),
            {name.lower(): value for name, value in response.headers.items()},
            self.redacted(str(response.request.url)),
        )
