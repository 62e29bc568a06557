"""What agents and engines call over HTTPS. An agent shows a short-lived token, which it gets for proving its key."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson
import structlog
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from muster import __version__
from muster.agents.keys import answers, digest
from muster.agents.protocol import LARGEST, PATH, PROTOCOLS
from muster.agents.registry import Agent, Refused, Registry, ServerPlace
from muster.model.errors import MusterError
from muster.server.agents.relay import Closing, Gone, Relay

TOKEN_SECONDS: Final = 600.0
_CHALLENGE_SECONDS: Final = 60.0
_CHALLENGES: Final = 10_000
_SMALL: Final = 64 * 1024
"""Bytes of a request that is no message of a session."""
_PATIENCE: Final = 30.0
"""Seconds in which such a request has to come."""
_TURN: Final = 0.5
_TURNS: Final = 10
"""After so many turns, the store is told who is here."""
_VERSION: Final = re.compile(r"[0-9A-Za-z.+-]{1,40}")
_T = TypeVar("_T")
log = structlog.get_logger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


class Wrong(Exception):
    """A request that gets no more than a status and a text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Token:
    agent: Agent
    until: float


class AgentRoutes:
    """The routes of agents on one server. `start` and `stop` belong around its life."""

    def __init__(self, registry: Registry, place: ServerPlace) -> None:
        self.relay = Relay()
        self._registry = registry
        self._place = place
        self._tokens: dict[str, _Token] = {}
        self._challenges: dict[str, float] = {}
        self._limiter = CapacityLimiter(4)
        self._keeper: asyncio.Task[None] | None = None

    def routes(self) -> list[Route]:
        """What is to be served."""
        session = f"{PATH}/sessions/{{session}}"
        found: list[tuple[str, Handler, str]] = [
            (f"{PATH}/enrol", self._enrol, "POST"),
            (f"{PATH}/challenge", self._challenge, "POST"),
            (f"{PATH}/token", self._token, "POST"),
            (f"{PATH}/heartbeat", self._heartbeat, "POST"),
            (f"{PATH}/calls/{{session}}/{{number:int}}", self._next, "POST"),
            (f"{PATH}/sessions", self._begin, "POST"),
            (f"{session}/{{number:int}}", self._call, "POST"),
            (f"{session}/alive", self._alive, "POST"),
            (session, self._end, "DELETE"),
        ]
        return [Route(path, _told(handler), methods=[method]) for path, handler, method in found]

    async def start(self) -> None:
        """Say that this server is here, and look after the sessions."""
        await self._run(lambda: self._registry.announce(self._place))
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Let everybody go elsewhere."""
        self.relay.close()
        if self._keeper is not None:
            self._keeper.cancel()
        await self._run(lambda: self._registry.withdraw(self._place))

    async def _keep(self) -> None:
        """Twice a second: who is revoked, who is silent; and now and then, tell the store who is here."""
        turn = 0
        while True:
            await asyncio.sleep(_TURN)
            turn += 1
            self.relay.sweep()
            try:
                await self._look(tell=turn % _TURNS == 0)
            except MusterError as error:
                log.error("agents could not be looked after", error=error.message)
            except Exception as error:
                log.exception("a bug: agents could not be looked after", error=type(error).__name__)

    async def _look(self, *, tell: bool) -> None:
        """Into the store: who is revoked; with `tell`, say there who is here."""
        revoked = await self._run(self._registry.revoked)
        self._forget(revoked)
        self.relay.expel(revoked, "its agent was revoked")
        if tell:
            here = self.relay.present()
            await self._run(lambda: self._registry.saw(here))
            await self._run(lambda: self._registry.announce(self._place))

    def _forget(self, revoked: set[int]) -> None:
        now = time.monotonic()
        self._tokens = {
            token: one for token, one in self._tokens.items() if one.until > now and one.agent.id not in revoked
        }
        self._challenges = {one: until for one, until in self._challenges.items() if until > now}

    # --- who is it

    async def _enrol(self, request: Request) -> Response:
        asked = await _asked(request)
        version = self._version(asked)
        code, name, key, proof = (_text(asked, field) for field in ("code", "name", "key", "proof"))
        agent = await self._run(lambda: self._registry.enrol(code, name, key, proof, version))
        log.info("an agent was enrolled", agent=agent.name, group=agent.group, version=version)
        return _json({"name": agent.name, "group": agent.group, "version": __version__})

    async def _challenge(self, _: Request) -> Response:
        if len(self._challenges) >= _CHALLENGES:
            raise Wrong(503, "too many agents ask at once; ask again in a minute")
        challenge = secrets.token_urlsafe(32)
        self._challenges[challenge] = time.monotonic() + _CHALLENGE_SECONDS
        return _json({"challenge": challenge})

    async def _token(self, request: Request) -> Response:
        asked = await _asked(request)
        name, challenge, proof = (_text(asked, field) for field in ("name", "challenge", "proof"))
        if self._challenges.pop(challenge, 0.0) < time.monotonic():
            raise Wrong(401, "the challenge is not known, or too old")
        agent = await self._run(lambda: self._registry.known(name))
        if not answers(agent.key, proof, challenge, name):
            raise Refused(f"this is not the key of the agent {name!r}. Enrol it again: muster agent code GROUP")
        try:
            version = self._version(asked)
        except Wrong as error:
            trouble = str(error)
            given = str(asked.get("version", ""))
            said = given if _VERSION.fullmatch(given) else "?"
            await self._run(lambda: self._registry.came(agent.id, said, trouble))
            raise
        await self._run(lambda: self._registry.came(agent.id, version, None))
        token = secrets.token_urlsafe(32)
        self._tokens[digest(token)] = _Token(agent, time.monotonic() + TOKEN_SECONDS)
        return _json({"token": token, "group": agent.group, "version": __version__})

    def _version(self, asked: dict[str, Any]) -> str:
        """The agent's version, when its protocol is one that is spoken here. Raises `Wrong`."""
        version, protocols = asked.get("version"), asked.get("protocols")
        if not isinstance(version, str) or _VERSION.fullmatch(version) is None:
            raise Wrong(400, "the agent does not say which version it is")
        match protocols:
            case [int() as oldest, int() as newest]:
                pass
            case _:
                raise Wrong(400, "the agent does not say which protocols it speaks")
        ours = " to ".join(str(one) for one in dict.fromkeys(PROTOCOLS))
        here = f"Muster {version} on the agent speaks protocol {newest}, Muster {__version__} on the server {ours}"
        if newest < PROTOCOLS[0]:
            raise Wrong(426, f"the agent is too old: {here}. Install the server's version on the agent's machine")
        if oldest > PROTOCOLS[1]:
            raise Wrong(426, f"the agent is too new: {here}. Install the agent's version on the server first")
        return version

    def _agent(self, request: Request) -> Agent:
        found = self._tokens.get(digest(_bearer(request)))
        if found is None or found.until < time.monotonic():
            raise Wrong(401, "the token is not known, or too old")
        return found.agent

    # --- agents

    async def _heartbeat(self, request: Request) -> Response:
        agent = self._agent(request)
        asked = await _asked(request)
        holds = [one for one in asked.get("sessions", ()) if isinstance(one, str)]
        begin, end = await self.relay.work(
            agent.id, agent.name, agent.group, holds, leaving=asked.get("leaving") is True
        )
        return _json({"begin": begin, "end": end})

    async def _next(self, request: Request) -> Response:
        agent = self._agent(request)
        answer = await _body(request, LARGEST)
        call = await self.relay.next_call(
            agent.id, request.path_params["session"], request.path_params["number"], answer
        )
        return Response(status_code=204) if call is None else _message(call)

    # --- engines

    async def _begin(self, request: Request) -> Response:
        token = _bearer(request)
        if not await self._run(lambda: self._registry.admits(token)):
            raise Wrong(401, "the ticket is not known, or too old")
        group = _text(await _asked(request), "group")
        begun = self.relay.begin(digest(token), group)
        if begun is None:
            raise Wrong(409, f"no agent of the group {group!r} is here")
        return _json({"session": begun[0], "agent": begun[1]})

    async def _call(self, request: Request) -> Response:
        owner = digest(_bearer(request))
        self.relay.alive(owner, request.path_params["session"])
        call = await _body(request, LARGEST)
        answer = await self.relay.answer(owner, request.path_params["session"], request.path_params["number"], call)
        return Response(status_code=202) if answer is None else _message(answer)

    async def _alive(self, request: Request) -> Response:
        self.relay.alive(digest(_bearer(request)), request.path_params["session"])
        return Response(status_code=204)

    async def _end(self, request: Request) -> Response:
        self.relay.end(digest(_bearer(request)), request.path_params["session"])
        return Response(status_code=204)

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await run_sync(work, limiter=self._limiter)


def _told(handler: Handler) -> Handler:
    """The handler, everything that it raises as a status and a text."""

    async def told(request: Request) -> Response:
        try:
            return await handler(request)
        except Wrong as error:
            return _error(error.status, str(error))
        except Refused as error:
            log.warning("an agent was refused", why=str(error))
            return _error(403, str(error))
        except Gone as error:
            return _error(410, str(error))
        except Closing:
            return _error(503, "the server is stopping")
        except ClientDisconnect:
            return Response(status_code=400)
        except MusterError as error:
            log.error("agents", error=error.message)
            return _error(503, "the server cannot use its store; its log says why")

    return told


def _error(status: int, text: str) -> Response:
    return Response(orjson.dumps({"error": text}), status, media_type="application/json")


def _json(document: dict[str, Any]) -> Response:
    return Response(orjson.dumps(document), 200, {"Cache-Control": "no-store"}, media_type="application/json")


def _message(data: bytes) -> Response:
    return Response(data, 200, {"Cache-Control": "no-store"}, media_type="application/octet-stream")


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Wrong(401, "a token is needed")
    return token


def _text(asked: dict[str, Any], field: str) -> str:
    found = asked.get(field)
    if not isinstance(found, str):
        raise Wrong(400, f"{field} is missing")
    return found


async def _asked(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises `Wrong`."""
    try:
        found = orjson.loads(await asyncio.wait_for(_body(request, _SMALL), _PATIENCE))
    except TimeoutError:
        raise Wrong(408, f"the request took longer than {_PATIENCE:.0f} seconds to come") from None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Wrong(400, "the request is no JSON object")
    return found


async def _body(request: Request, largest: int) -> bytes:
    """What was sent. Raises `Wrong` before it is all in memory."""
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > largest:
            raise Wrong(413, f"the request is larger than {largest} bytes")
    return bytes(found)
