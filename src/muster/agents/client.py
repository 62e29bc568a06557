"""An agent's requests to one server: proved by its key, with a token that is renewed when it has to be."""

from __future__ import annotations

import threading
from typing import Any, Final

import httpx
import orjson

from muster import __version__
from muster.agents.keys import AgentKey
from muster.agents.protocol import PATH, PROTOCOLS, WAIT
from muster.agents.state import AgentState
from muster.agents.trust import context

_TIMES: Final = httpx.Timeout(WAIT + 10, connect=10)


class SentAway(Exception):
    """The server wants nothing to do with this agent; the text says why and what to do."""


class NotNow(Exception):
    """The server answers, and cannot do it now."""


class Over(Exception):
    """There is no such session any more."""


class ServerClient:
    """Threads may share it."""

    def __init__(self, url: str, state: AgentState) -> None:
        self.url = url
        self._state = state
        self._token = ""
        self._turn = threading.Lock()
        self._http = httpx.Client(
            base_url=url + PATH,
            verify=context(state.trust_kind, state.trust),
            timeout=_TIMES,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def work(self, sessions: list[str], *, leaving: bool = False) -> tuple[list[str], list[str]]:
        """Say that the agent is alive: which sessions to begin, and which to give up.

        Raises `SentAway`, `NotNow`, and what httpx raises when the server cannot be reached.
        """
        answer = orjson.loads(self._post("/heartbeat", orjson.dumps({"sessions": sessions, "leaving": leaving})))
        return answer["begin"], answer["end"]

    def next_call(self, session: str, number: int, answer: bytes) -> bytes:
        """The call of that number, or nothing as yet. Raises `Over` and what `work` raises."""
        return self._post(f"/calls/{session}/{number}", answer)

    def _post(self, path: str, content: bytes) -> bytes:
        token = self._token or self._prove("")
        response = self._shown(path, content, token)
        if response.status_code == 401:
            response = self._shown(path, content, self._prove(token))
        return _good(response)

    def _shown(self, path: str, content: bytes, token: str) -> httpx.Response:
        return self._http.post(path, content=content, headers={"Authorization": f"Bearer {token}"})

    def _prove(self, old: str) -> str:
        """A new token, unless another thread got one meanwhile."""
        with self._turn:
            if self._token == old:
                self._token = ""
                challenge = orjson.loads(_good(self._http.post("/challenge")))["challenge"]
                name = self._state.name
                asked = {"name": name, "challenge": challenge, "proof": self._state.key.answers(challenge, name)}
                answer = _good(self._http.post("/token", content=orjson.dumps({**asked, **_ourselves()})))
                self._token = orjson.loads(answer)["token"]
            return self._token


def enrol(http: httpx.Client, code: str, name: str, key: AgentKey) -> dict[str, Any]:
    """Have the server take the agent in: its name and group. Raises `SentAway`, `NotNow`, and what httpx raises."""
    asked = {"code": code, "name": name, "key": key.public, "proof": key.enrols(code, name), **_ourselves()}
    found: dict[str, Any] = orjson.loads(_good(http.post(f"{PATH}/enrol", content=orjson.dumps(asked))))
    return found


def _ourselves() -> dict[str, Any]:
    return {"version": __version__, "protocols": list(PROTOCOLS)}


def _good(response: httpx.Response) -> bytes:
    if response.is_success:
        return response.content
    raise _refusal(response)


def _refusal(response: httpx.Response) -> Exception:
    try:
        text = str(orjson.loads(response.content)["error"])
    except (ValueError, KeyError, TypeError):
        text = f"it answers {response.status_code}, which no Muster server does. Does a proxy stand between?"
    if response.status_code == 410:
        return Over(text)
    if response.status_code in (403, 426):
        return SentAway(text)
    return NotNow(text)
