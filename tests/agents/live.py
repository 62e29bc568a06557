"""A real server and real agents: processes that speak over TLS, and can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

import httpx

from muster.agents.agent import Agent
from muster.agents.enrolling import enrolled
from muster.agents.registry import Registry
from muster.agents.remote import Remote, remote_class
from muster.agents.state import AgentState
from muster.agents.switchboard import Switchboard
from muster.agents.trust import fingerprint
from muster.connectors.kit.contract import Connector
from tests.cli.support import PROGRAM
from tests.servers.muster import MusterServer
from tests.servers.process import HOST, program
from tests.waiting import wait_for

GROUP = "dc"


class Company(MusterServer):
    """`muster serve` over a project that a test writes. `state`: the store's file, where two servers share it."""

    def __init__(self, *, state: Path | None = None, tls: Callable[[Path], tuple[Path, Path]] | None = None) -> None:
        super().__init__()
        self.state = state or self.folder / ".muster" / "state.db"
        self._tls = tls

    def prepare(self) -> None:
        tls = ""
        if self._tls is not None:
            certificate, key = self._tls(self.folder)
            tls = f", certificate: {certificate.name}, key: {key.name}"
        self.write("muster.yaml", f"project: acme\nstore: sqlite:///{self.state}\n{LISTEN % (HOST, self.port, tls)}\n")
        for name in ("systems", "mappings"):
            (self.folder / name).mkdir()

    def ready(self) -> bool:
        with closing(self.client()) as client:
            try:
                return client.get("/common/discovery/instance").is_success
            except httpx.TransportError:
                return False

    @property
    def certificate(self) -> Path:
        own = super().certificate
        return own if own.exists() else self.folder / "certificate.pem"

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate.read_text("ascii"))

    def registry(self) -> Registry:
        return Registry.open(f"sqlite:///{self.state}", self.folder)

    def code(self, group: str = GROUP) -> str:
        with self.registry() as registry:
            return registry.make_code(group, 60)[0]

    def enrolled(self, name: str, *others: Company, group: str = GROUP) -> AgentState:
        """An agent of this server (and others on its store) in a folder of its own."""
        servers = [self, *others]
        return enrolled(
            self.folder / f"agent-{name}",
            [server.authority for server in servers],
            self.code(group),
            name,
            fingerprints=[server.fingerprint for server in servers],
        )

    def switchboard(self, system: str, group: str = GROUP) -> Switchboard:
        return Switchboard(self.registry, system, group, first=10)

    def remote(self, system: str, kind: type[Connector], settings: Any, objects: Any) -> Remote:
        return remote_class(kind)(system, settings, objects, self.switchboard(system).open)


LISTEN = "server: {listen: '%s:%s'%s}"


@contextmanager
def here(state: AgentState, connectors: Callable[[str], type[Connector]]) -> Iterator[Agent]:
    """An agent in a thread of this process, so that it reaches the systems of the test."""
    agent = Agent(state, connectors)
    ready = threading.Event()
    thread = threading.Thread(target=agent.run, args=(ready.set,))
    thread.start()
    assert ready.wait(20)
    yield agent
    agent.stop()
    thread.join(20)
    assert not thread.is_alive()


class AgentProcess:
    """`muster agent run`, or a dawdling one: see `dawdling`."""

    def __init__(self, state: AgentState, **dawdle: str) -> None:
        self.folder = state.folder
        self.log = state.folder / "log"
        command = [str(PROGRAM), "agent", "run", "--json", "--state", str(state.folder)]
        if dawdle:
            command = [sys.executable, "-m", "tests.agents.dawdling", str(state.folder)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program("setpriv"), "--pdeathsig", "KILL", "--", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **dawdle},
                cwd=Path(__file__).parents[2],
            )
        assert self._process.stdout is not None
        lines = iter(self._process.stdout.readline, b"")
        said = b"".join(takewhile(lambda line: line != b"}\n", lines)) + b"}"
        assert json.loads(said)["agent"] == state.name, self.log.read_text()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def kill(self) -> None:
        """As a power cut would."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def stop(self) -> int:
        """In order; its exit code."""
        self._process.terminate()
        return self._process.wait(20)

    def ended(self) -> int:
        """Its exit code, when it ends by itself."""
        return self._process.wait(20)

    def until_it_hangs(self) -> None:
        """Wait until a dawdling agent is in the middle of what it was told to hang in."""
        wait_for((self.folder / "hangs").exists)


class Command:
    """A `muster` command that runs beside the test."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [str(PROGRAM), *arguments, "--json"],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self) -> None:
        """As a power cut would."""
        self._process.kill()
        self._process.communicate()

    def done(self, seconds: float = 60) -> dict[str, Any]:
        """What it answered; its exit code as `code`, what it said to people as `said`."""
        out, said = self._process.communicate(timeout=seconds)
        return {**json.loads(out), "code": self._process.returncode, "said": said}
