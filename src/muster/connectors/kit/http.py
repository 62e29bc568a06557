"""The HTTP half of the guard: one client with time limits, bounded waiting, and errors by what can be done."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import orjson

from muster.connectors.kit.redaction import Redactor
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError, Throttled, Unreachable
from muster.model.secrets import Secret

_WAIT_STATUSES: Final = frozenset({429, 503})
_GATEWAY_STATUSES: Final = frozenset({502, 504})


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long a request may be put off: tries in all, the longest single wait and all waits together, in seconds."""

    tries: int = 5
    longest: float = 30.0
    altogether: float = 90.0
    first: float = 0.5


class Patience:
    """How long one request, or what is left of one that held several, may still be put off. Starts at its first try."""

    def __init__(self, waiting: Waiting, sleep: Callable[[float], None]) -> None:
        self.waited = 0.0
        self._waiting = waiting
        self._sleep = sleep
        self._tries = 1

    def wait(self, asked: float | None) -> bool:
        """Wait before the next try, as long as was asked, else longer each time. False, at once: that is too long."""
        allowed = self._waiting
        pause = allowed.first * 2 ** (self._tries - 1) if asked is None else asked
        if self._tries >= allowed.tries or pause > allowed.longest or self.waited + pause > allowed.altogether:
            return False
        self._sleep(pause)
        self.waited += pause
        self._tries += 1
        return True


class TooLarge(IncompleteRead):
    """An answer has more bytes than are read of one: ask for less at a time."""


class HttpSession:
    """Requests to one system below one base URL.

    A 429 or 503 is waited for (Retry-After, RFC 9110 section 10.2.3; growing waits when it does not say), within the
    bounds of `waiting`; after that it is `Throttled`. 401 and 403 are `AuthFailed` (403 only while `forbidden` is not
    asked for). No connection, no answer in time, 502 and 504 are `Unreachable`. Every other answer is handed over.
    Proxies of the environment are not used; `proxy` names one. `certificate`: a PEM file with the certificate, and its
    private key, that is shown to a server which asks for one (mutual TLS). `largest`: bytes of an answer, unpacked;
    `whole`: seconds from a request to the end of its answer, where one that trickles in would never end; `rate`:
    requests a second.
    """

    def __init__(
        self,
        system: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        token: Secret | None = None,
        basic: tuple[str, Secret] | None = None,
        auth: httpx.Auth | None = None,
        secrets: Sequence[Secret] = (),
        verify: Path | bool = True,
        certificate: Path | None = None,
        timeout: float = 30.0,
        proxy: str | None = None,
        connections: int = 16,
        waiting: Waiting | None = None,
        largest: int | None = None,
        whole: float | None = None,
        rate: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.system = system
        self._largest = largest
        self._whole = whole
        self._gap = 1 / rate if rate else 0.0
        self._next = 0.0
        self.url = url.rstrip("/")
        self.waited = 0.0
        self._waiting = waiting or Waiting()
        self._sleep = sleep
        self._redact = Redactor([*secrets, *([token] if token else []), *([basic[1]] if basic else [])])
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token.reveal()}"
        if basic is not None:
            auth = httpx.BasicAuth(basic[0], basic[1].reveal())
            self._redact.add([Secret(f"{basic[0]}:{basic[1].reveal()}")])
        self._client = httpx.Client(
            headers=sent,
            auth=auth,
            verify=_trust(system, verify, certificate) if url.startswith("https:") else _TRUSTS_NOBODY,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            proxy=proxy,
            trust_env=False,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            transport=transport,
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        content: bytes | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        forbidden: bool = False,
        once: bool = False,
    ) -> httpx.Response:
        """The answer to one request; `path` is appended to the base URL, or is a whole URL of the same server.

        `forbidden` True: a 403 is an answer (about one object) and is handed over. `once` True: so is a 503, for what
        was asked for may have been done, and must not be done twice.
        """
        target = self._target(path)
        patience = self.patience()
        while True:
            response = self._send(method, target, params, json, content, data, headers)
            status = response.status_code
            if status == 401 or (status == 403 and not forbidden):
                raise AuthFailed(self._said(method, target, response, _ADVICE[status]))
            if status in _GATEWAY_STATUSES:
                raise Unreachable(self._said(method, target, response, "The system behind its gateway is down."))
            if status not in _WAIT_STATUSES or (once and status == 503):
                return response
            asked = retry_after(response)
            before = patience.waited
            if not patience.wait(asked):
                raise Throttled(self._said(method, target, response, "It asks to be left alone for now."), asked)
            self.waited += patience.waited - before

    def patience(self) -> Patience:
        """For an answer that asks to wait in the middle of others (a part of a batch)."""
        return Patience(self._waiting, self._sleep)

    def hide(self, secret: Secret) -> None:
        """A secret that came up while the session was open: no text shows it."""
        self._redact.add([secret])

    def redacted(self, text: str) -> str:
        """The text without this session's secrets."""
        return self._redact(text)

    def _target(self, path: str) -> str:
        if not path.startswith(("http://", "https://")):
            return f"{self.url}/{path.lstrip('/')}" if path else self.url
        if httpx.URL(path).netloc != httpx.URL(self.url).netloc or httpx.URL(path).scheme != httpx.URL(self.url).scheme:
            raise Unreachable(
                f"{self.system}: a link leads to {httpx.URL(path).host}, away from {self.url}; it is not followed, "
                "because the credentials would go there too. Correct the server's public address."
            )
        return path

    def _send(
        self,
        method: str,
        target: str,
        params: Mapping[str, str | int] | None,
        json: Any,
        content: bytes | None,
        data: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Response:
        self._keep_pace()
        started = time.monotonic()
        try:
            with self._client.stream(
                method, _parsed(target), params=params, json=json, content=content, data=data, headers=headers
            ) as response:
                return self._read(response, f"{method} {self._redact(target)}", started)
        except httpx.TimeoutException:
            raise Unreachable(
                f"{self.system}: {method} {self._redact(target)} was not answered in time. "
                "Look whether the system is up."
            ) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Unreachable(
                f"{self.system}: {method} {self._redact(target)} failed: {self._redact(str(error))}. "
                "Look at the address, the port, the certificate and whether the system is up."
            ) from None

    def _read(self, response: httpx.Response, asked: str, started: float) -> httpx.Response:
        """The answer with its content. Raises `TooLarge`, `Unreachable` when it is slow."""
        if self._largest is None and self._whole is None:
            response.read()
            return response
        content = bytearray()
        for part in response.iter_bytes():
            content += part
            if self._largest is not None and len(content) > self._largest:
                raise TooLarge(
                    f"{self.system}: {asked} was answered with more than {self._largest} bytes, which is not read to "
                    "its end. Ask for smaller pages, or raise `largest`."
                )
            if self._whole is not None and time.monotonic() - started > self._whole:
                raise Unreachable(
                    f"{self.system}: {asked} was not answered whole within {self._whole:g} seconds. "
                    "Look whether the system is up, or ask for smaller pages."
                )
        headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() != "content-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=bytes(content), request=response.request)

    def _keep_pace(self) -> None:
        if self._gap:
            now = time.monotonic()
            if now < self._next:
                self._sleep(self._next - now)
            self._next = max(now, self._next) + self._gap

    def _said(self, method: str, target: str, response: httpx.Response, advice: str) -> str:
        said = self._redact(_words(response))[:300]
        answer = f"{response.status_code} {response.reason_phrase}".strip()
        words = f": {said}" if said else ""
        return f"{self.system}: {method} {self._redact(target)} was answered {answer}{words}. {advice}"


_parsed: Final = lru_cache(256)(httpx.URL)
"""Addresses as they are sent: a session asks for few, and for those again and again."""

_ADVICE: Final = {
    401: "Check the user name, password or token in the system's settings.",
    403: "The credentials are known but lack a right for this; grant it.",
}


def _words(response: httpx.Response) -> str:
    """What an answer says in words: of an error in JSON the text that is meant for people, else all of it.

    That is `detail` (RFC 9457, RFC 7644 section 3.12), `error_description` (RFC 6749 section 5.2), or the `message`
    of `error` (OData JSON 4.01, section 21.1).
    """
    try:
        found = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        found = None
    texts: list[object] = []
    if isinstance(found, dict):
        error = found.get("error")
        texts = [found.get("detail"), found.get("error_description")]
        texts += [error.get("message")] if isinstance(error, dict) else []
    text = next((one for one in texts if isinstance(one, str) and one), response.text)
    return " ".join(text.split()).removesuffix(".")


def retry_after(response: httpx.Response) -> float | None:
    """The seconds that an answer asks to wait; None when it does not say."""
    return seconds_asked(response.headers.get("Retry-After", ""))


def seconds_asked(text: str) -> float | None:
    """The seconds of a Retry-After, a number or a date (RFC 9110 section 10.2.3); None for anything else."""
    text = text.strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


_TRUSTS_NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For plain HTTP: to load the machine's authorities takes longer than most requests."""


def _trust(system: str, verify: Path | bool, certificate: Path | None) -> ssl.SSLContext | bool:
    if isinstance(verify, bool) and certificate is None:
        return verify
    try:
        trust = (
            httpx.create_ssl_context(verify, trust_env=False)
            if isinstance(verify, bool)
            else ssl.create_default_context(cafile=str(verify))
        )
    except (OSError, ssl.SSLError) as error:
        raise ProjectError(
            f"{system}: the file of trusted certificates {verify} cannot be used: {error}. "
            "Give the path of a PEM file that can be read."
        ) from None
    if certificate is not None:
        try:
            # Whoever runs Muster is not asked for a passphrase: a key that has one cannot be used.
            trust.load_cert_chain(certificate, password=lambda: "")
        except (OSError, ssl.SSLError) as error:
            raise ProjectError(
                f"{system}: the certificate {certificate} cannot be used: {error}. Give the path of a PEM file with "
                "the certificate and its private key, without a passphrase, that Muster may read."
            ) from None
    return trust
