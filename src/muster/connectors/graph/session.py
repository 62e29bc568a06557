"""One session with one directory: requests alone and in batches, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import orjson

from muster.connectors.graph.resources import GraphType, graph_type
from muster.connectors.graph.settings import GraphObject, GraphSettings
from muster.connectors.graph.token import Tokens
from muster.connectors.kit.http import HttpSession, seconds_asked
from muster.model.errors import AuthFailed, IncompleteRead, Throttled, Unreachable
from muster.model.secrets import Secret

BATCH: Final = 20
"""Requests of one batch (https://learn.microsoft.com/graph/json-batching)."""
SYNCHRONISES: Final = "OnPremDirectorySynchronization.ReadWrite.All"
"""In Muster's own directory: the right to write what on premises decides."""
_JSON: Final = "application/json"
_LATER: Final = frozenset({429, 502, 503, 504})
_CONCURRENCY: Final = "Directory_ConcurrencyViolation"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` begins after `/v1.0`, and has its query."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, alone or in a batch; header names in lower case."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether what was asked was done."""
        return 200 <= self.status < 300

    @property
    def error(self) -> Mapping[str, Any]:
        """The error of Graph (https://learn.microsoft.com/graph/errors)."""
        found = self.body.get("error")
        return found if isinstance(found, dict) else {}

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.error.get("code") or "")

    @property
    def message(self) -> str:
        """What Graph says, in one line: the status, and the message or else the code."""
        words = " ".join(str(self.error.get("message") or self.code).split()).removesuffix(".")
        return f"{self.status}: {words}" if words else str(self.status)

    @property
    def after(self) -> float | None:
        """The seconds that Retry-After asks for."""
        return seconds_asked(self.headers.get("retry-after", ""))

    @property
    def values(self) -> list[dict[str, Any]]:
        """The resources of a list."""
        found = self.body.get("value")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


class Session:
    """Requests to one directory. Raises `Unreachable`, `AuthFailed` and `Throttled`, never for one object."""

    def __init__(self, system: str, settings: GraphSettings, folder: Path) -> None:
        self.system = system
        self.settings = settings
        trust = folder / settings.ca if settings.ca is not None else True
        secrets = [settings.secret] if settings.secret is not None else []
        self._login = HttpSession(
            system, settings.login, secrets=secrets, verify=trust, timeout=settings.timeout, proxy=settings.proxy
        )
        self.tokens = Tokens(system, settings, folder, self._login)
        self._http = HttpSession(
            system,
            settings.graph,
            headers={"Accept": _JSON},
            auth=self.tokens,
            secrets=secrets,
            verify=trust,
            timeout=settings.timeout,
            proxy=settings.proxy,
            connections=settings.concurrency + 1,
        )
        self.tokens.hide = self._hide
        self._types: dict[str, GraphType] | None = None

    def open(self) -> None:
        """Get a token. Raises `AuthFailed`, `Unreachable`."""
        self.tokens.current()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
        self._login.close()

    def _hide(self, secret: Secret) -> None:
        self._login.hide(secret)
        self._http.hide(secret)

    @property
    def roles(self) -> frozenset[str] | None:
        """What the application may do, as its token says; None where the token does not say."""
        found = self.tokens.claims().get("roles")
        return frozenset(str(one) for one in found) if isinstance(found, list) else None

    def types(self, objects: Mapping[str, GraphObject]) -> dict[str, GraphType]:
        """The object types of the system file by name; directory extensions are asked for once."""
        if self._types is None:
            own = self.settings.own
            synchronises = own and SYNCHRONISES in (self.roles or ())
            extensions = self._extensions()
            self._types = {
                name: graph_type(
                    name,
                    one.resource,
                    own=own,
                    synchronises=synchronises,
                    restores=self.settings.restore,
                    extensions=extensions,
                )
                for name, one in objects.items()
            }
        return self._types

    def _extensions(self) -> list[dict[str, Any]]:
        """The directory extensions that are registered; none where the application may not see them."""
        answer = self.send(Request("POST", "/directoryObjects/getAvailableExtensionProperties", {}))
        return [one for one in answer.values if isinstance(one.get("name"), str)] if answer.good else []

    # --- requests

    def send(self, request: Request) -> Answer:
        """One request by itself. Every answer but 401, 429 and those of a gateway is handed over."""
        content = orjson.dumps(request.body) if request.body is not None else None
        headers = {**request.headers, **({"Content-Type": _JSON} if content is not None else {})}
        response = self._http.request(request.method, request.path, content=content, headers=headers, forbidden=True)
        return _answer(response)

    def batch(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to at most `BATCH` requests, in their order.

        Those that are to be asked again later are, after the wait that they want, as far as patience goes. Raises
        `AuthFailed` when a token is refused that was given just now.
        """
        token = self.tokens.current()
        answers = [self.send(requests[0])] if len(requests) == 1 else self._posted(requests)
        refused = [place for place, answer in enumerate(answers) if answer.status == 401]
        if refused:
            self.tokens.renewed(token)
            self._again(requests, answers, refused)
            if any(answer.status == 401 for answer in answers):
                raise AuthFailed(
                    f"{self.system}: {self.settings.graph} refuses a token that was given just now. Look at the "
                    "application and its permissions."
                )
        patience = self._http.patience()
        while left := [place for place, answer in enumerate(answers) if _later(answer)]:
            if not patience.wait(max(answers[place].after or 0.0 for place in left) or None):
                break
            try:
                self._again(requests, answers, left)
            except (Throttled, Unreachable):
                break  # The others have their answers; these keep the ones they got.
        return answers

    def _again(self, requests: Sequence[Request], answers: list[Answer], places: Sequence[int]) -> None:
        for place, answer in zip(places, self._posted([requests[place] for place in places]), strict=True):
            answers[place] = answer

    def _posted(self, requests: Sequence[Request]) -> list[Answer]:
        body = {"requests": [_part(str(number), one) for number, one in enumerate(requests)]}
        answer = self.send(Request("POST", "/$batch", body))
        found = answer.body.get("responses")
        if not answer.good or not isinstance(found, list):
            raise IncompleteRead(f"{self.system}: POST {self.settings.graph}/$batch was answered {answer.message}.")
        by_id = {str(one.get("id")): one for one in found if isinstance(one, dict)}
        lost = Answer(503, {"error": {"message": "the batch was answered without this request"}})
        return [_inner(by_id[key]) if (key := str(number)) in by_id else lost for number in range(len(requests))]

    def pages(self, request: Request) -> Iterator[Answer]:
        """The pages of a list, each asked for when it is taken. Raises `IncompleteRead` for what is no page."""
        while True:
            answer = self.send(request)
            yield answer
            if not answer.good:
                return
            following = answer.body.get("@odata.nextLink")
            if not isinstance(following, str):
                return
            request = Request("GET", following, headers=request.headers)

    def incomplete(self, request: Request, answer: Answer) -> IncompleteRead:
        """The error of a read that cannot go on."""
        path = request.path.partition("?")[0].removeprefix(self.settings.graph)
        return IncompleteRead(
            f"{self.system}: {request.method} {self.settings.graph}{path} was answered "
            f"{self._http.redacted(answer.message)}.{_ADVICE.get(answer.status, '')}"
        )


_ADVICE: Final[Mapping[int, str]] = {
    403: " Grant the application the right to read this, and consent to it.",
    404: " Look at `url` and `cloud`.",
}


def _later(answer: Answer) -> bool:
    """Whether it is to be asked again soon."""
    return answer.status in _LATER or answer.code == _CONCURRENCY


def _part(number: str, request: Request) -> dict[str, Any]:
    headers = {**request.headers, **({"Content-Type": _JSON} if request.body is not None else {})}
    return {
        "id": number,
        "method": request.method,
        "url": request.path,
        **({"headers": headers} if headers else {}),
        **({"body": request.body} if request.body is not None else {}),
    }


def _inner(one: Mapping[str, Any]) -> Answer:
    status, body, headers = one.get("status"), one.get("body"), one.get("headers")
    return Answer(
        status if isinstance(status, int) else 503,
        body if isinstance(body, dict) else {},
        {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {},
    )


def _answer(response: httpx.Response) -> Answer:
    try:
        found = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        found = None
    body = found if isinstance(found, dict) else {}
    return Answer(response.status_code, body, {name.lower(): value for name, value in response.headers.items()})
