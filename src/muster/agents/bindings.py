"""Where an agent's secrets may go: each is bound to the system, connector and settings that it was first used with.

Whoever edits the project's system files decides what the server asks for; this file, in the agent's own folder, decides
what of it is done. Deciding is pure (`refused`); `Bindings` reads and writes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from muster.agents.state import BINDINGS, FOLDER, OWN, SECRETS
from muster.connectors.kit.contract import Settings
from muster.model.errors import ProjectError
from muster.project.secrets import placeholders
from muster.store.private import write_private

_LOCK: Final = ".bindings.lock"
PROGRAMS: Final = "(programs)"
_REMEMBERED: Final = 50
"""Refused requests that are kept for the operator to look at; the oldest go first."""
_LOGIN: Final = re.compile(r"(://[^/\s:@]*):[^/\s@]*@")


class Place(msgspec.Struct, frozen=True):
    """What decides where a secret goes: the system, the connector, and its settings as the system file has them."""

    system: str
    connector: str
    settings: dict[str, Any]


class Bound(msgspec.Struct, frozen=True):
    """A secret and a place to which it may go."""

    secret: str
    place: Place


class Request(msgspec.Struct, frozen=True):
    """What was asked for and refused. `unencrypted`: addresses to which the secrets would go in the clear; `programs`:
    what would be run here. Those who are let do that hold the "secret" `PROGRAMS`: they could read all others."""

    place: Place
    secrets: list[str]
    unencrypted: list[str]
    programs: list[str] = []

    @property
    def name(self) -> str:
        """What the operator calls it by. It stands for all of it, so nothing else is allowed by that name."""
        return hashlib.sha256(json.dumps(msgspec.to_builtins(self), sort_keys=True).encode()).hexdigest()[:16]


class _State(msgspec.Struct):
    bound: list[Bound]
    waiting: list[Request]


def asked_for(
    system: str, connector: str, model: type[Settings], settings: Mapping[str, Any], objects: Mapping[str, Any]
) -> Place:
    """The place that a system file names; without the settings that the connector calls tuning."""
    deciding: dict[str, Any] = {
        key: value for key, value in settings.items() if key not in model.tuning or placeholders(value)
    }
    with_secrets = {key: value for key, value in objects.items() if placeholders(value)}
    return Place(system, connector, deciding | ({"objects": with_secrets} if with_secrets else {}))


def refused(request: Request, bound: Sequence[Bound]) -> list[str]:
    """Why each of the secrets that may not go there may not; empty when all of them may."""
    reasons: list[str] = []
    first = False
    for secret in request.secrets:
        places = [one.place for one in bound if one.secret == secret]
        if not places and secret == PROGRAMS:
            reasons.append(f"it would run a program on this machine: {', '.join(request.programs)}")
        elif not places:
            first = True
        elif request.place not in places:
            changes = "; ".join(f"{name}: {old} → {new}" for name, old, new in differences(request, secret, bound))
            what = "what it runs" if secret == PROGRAMS else f"its secret {secret!r}"
            reasons.append(f"{what} is bound to other settings ({changes})")
    if first and request.unencrypted:
        reasons.append(f"a secret would go unencrypted to {', '.join(map(_shown, request.unencrypted))}")
    return reasons


def differences(request: Request, secret: str, bound: Sequence[Bound]) -> list[tuple[str, str, str]]:
    """What the request has otherwise than the place to which the secret is bound: setting, there, here."""
    places = [one.place for one in bound if one.secret == secret]
    same = [one for one in places if one.system == request.place.system]
    old = _flat((same or places)[-1]) if places else {}
    new = _flat(request.place)
    return [
        (key, _shown(old.get(key, "nothing")), _shown(new.get(key, "nothing")))
        for key in [*old, *(key for key in new if key not in old)]
        if old.get(key) != new.get(key)
    ]


def _flat(place: Place) -> dict[str, str]:
    return {"system": place.system, "connector": place.connector, **dict(_leaves("", place.settings))}


def _leaves(where: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(f"{where}.{key}" if where else str(key), one)
    elif isinstance(value, list | tuple):
        yield where, ", ".join(one if isinstance(one, str) else json.dumps(one) for one in value)
    else:
        yield where, value if isinstance(value, str) else json.dumps(value)


def _option(folder: Path) -> str:
    own = folder == Path(FOLDER).expanduser()
    return "" if own else f" --state {shlex.quote(str(folder))}"


def _shown(text: str) -> str:
    """Without the password that somebody may have written into an address."""
    return _LOGIN.sub(r"\1:***@", text)


class Bindings:
    """What one agent's folder says. Processes and threads may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def permit(self, request: Request) -> None:
        """Bind the secrets that are used for the first time.

        Raises `ProjectError` where one is bound elsewhere or would go unencrypted; the request then waits for
        the operator.
        """
        with self._changing() as state:
            reasons = refused(request, state.bound)
            if not reasons:
                known = {(one.secret, one.place.system) for one in state.bound}
                new = [one for one in request.secrets if (one, request.place.system) not in known]
                state.bound += [Bound(one, request.place) for one in new]
            elif request not in state.waiting:
                state.waiting = [*state.waiting, request][-_REMEMBERED:]
        if reasons:
            raise ProjectError(
                f"{'; '.join(reasons)}. Nothing was sent. Where that is meant, run on this agent's machine: "
                f"muster agent allow {request.name}{_option(self._folder)}"
            )

    def allow(self, name: str) -> Request:
        """The request is granted from now on, instead of what its system had before. Raises `ProjectError`."""
        with self._changing() as state:
            found = next((one for one in state.waiting if one.name == name), None)
            if found is None:
                raise ProjectError(f"Nothing of the name {name!r} waits here. `muster agent allow` lists what does")
            again = {(secret, found.place.system) for secret in found.secrets}
            state.bound = [one for one in state.bound if (one.secret, one.place.system) not in again]
            state.bound += [Bound(secret, found.place) for secret in found.secrets]
            state.waiting.remove(found)
        return found

    def document(self) -> dict[str, Any]:
        """What waits for the operator, with what is new in it, and what is allowed."""
        with self._changing() as state:
            waiting = [described(one, state.bound) for one in state.waiting]
            bound = [
                {"secret": one.secret, **{key: _shown(text) for key, text in _flat(one.place).items()}}
                for one in state.bound
            ]
        return {"waiting": waiting, "bound": bound}

    @contextmanager
    def _changing(self) -> Iterator[_State]:
        """The state, which is written down where it changed; nobody else reads or writes it meanwhile."""
        with (self._folder / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self._read()
            before = msgspec.json.encode(state)
            yield state
            after = msgspec.json.encode(state)
            if after != before:
                write_private(self._folder / BINDINGS, after)

    def _read(self) -> _State:
        file = self._folder / BINDINGS
        try:
            return msgspec.json.decode(file.read_bytes(), type=_State)
        except FileNotFoundError:
            return _State([], [])
        except (OSError, msgspec.MsgspecError) as error:
            raise ProjectError(
                f"{file} cannot be read: {error}. It says where this agent's secrets may go, so none is sent. Put it "
                "back from a backup; without it, each secret is bound anew where it is next used"
            ) from None


def described(request: Request, bound: Sequence[Bound]) -> dict[str, Any]:
    """A request as a document: what it asks for, and what is otherwise than was allowed."""
    changes = {
        what: {"setting": what, "from": old, "to": new}
        for secret in request.secrets
        for what, old, new in differences(request, secret, bound)
    }
    return {
        "request": request.name,
        "system": request.place.system,
        "connector": request.place.connector,
        "secrets": request.secrets,
        "changes": list(changes.values()),
        "unencrypted": [_shown(one) for one in request.unencrypted],
        "programs": request.programs,
    }


def outside(folder: Path, file: str) -> bool:
    """Whether a connector may not be shown that file: it is not in the agent's folder, or it is the agent's own.

    By its name: what the operator links into the folder is there.
    """
    inside = os.path.relpath(os.path.normpath(folder / file), folder).split(os.sep)
    return inside[0] in {os.pardir, os.curdir, SECRETS, *OWN} or inside[0].startswith(".")
