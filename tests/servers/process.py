"""What every test server has in common: a private folder, a private port, one process that never outlives the tests."""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

HOST = "127.0.0.1"
_PREFIX = "muster-test-"
# Below the range from which Linux takes ports for outgoing connections, so that a stopped server finds its port free.
_PORTS = range(20_000, 32_000)
_dice = random.SystemRandom()


class MissingServerError(Exception):
    """A program that the tests start is not installed."""


class ServerFailedError(Exception):
    """A server did not come up; carries the end of its log."""


def program(name: str, *folders: str) -> str:
    """The path of an installed program, looked for in `folders`, the PATH and the folders of system programs."""
    path = os.pathsep.join([*folders, os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    if found := shutil.which(name, path=path):
        return found
    raise MissingServerError(f"{name} is not installed. `make test` installs what the tests need.")


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now."""
    for _ in range(200):
        port = _dice.choice(_PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port
    raise ServerFailedError(f"no free port between {_PORTS.start} and {_PORTS.stop}")


def listening(port: int, host: str = HOST) -> bool:
    """Whether something accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def private_folder() -> Path:
    """A new folder for one server. Folders left by test runs that were killed go at the same time."""
    root = Path(tempfile.gettempdir())
    for old in root.glob(_PREFIX + "*"):
        owner = old.name.removeprefix(_PREFIX).split("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=root))


class Server(ABC):
    """One real server. `with OpenLdap() as server:` starts it, and afterwards nothing of it is left.

    `stop` and `start` keep data and port, for tests of what a dead server does to its client. The kernel ends the
    process together with the thread that started it (PR_SET_PDEATHSIG), so a killed test run leaves none behind;
    start a server from a thread that lives as long as the server must.
    """

    start_seconds: ClassVar[float] = 30
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    # The signal that ends it at once, its data being of no more use.
    end_signal: ClassVar[signal.Signals] = signal.SIGKILL
    # The system user to become when the tests run as root, for servers that refuse to be root.
    user: ClassVar[str | None] = None

    def __init__(self) -> None:
        self.folder = private_folder()
        self.host = HOST
        self.port = free_port()
        self.log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Write what the server needs into its folder, before the first start."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments; it must stay in the foreground."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether the server answers in its own protocol. Asked only once something listens on the port."""

    def started(self) -> None:  # noqa: B027 - most servers need nothing here
        """Done once, after the first start."""

    def __enter__(self) -> Self:
        try:
            if self.user and os.geteuid() == 0:
                self._give_to(self.user)
            self.prepare()
            self.start()
            self.started()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start and wait until it answers; nothing happens while it runs."""
        if self.pid:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._wrapped(self.command()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                cwd=self.folder,
            )
        deadline = time.monotonic() + self.start_seconds
        while not (listening(self.port, self.host) and self.ready()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                tail = self.log.read_text("utf-8", "replace")[-3000:]
                raise ServerFailedError(f"{type(self).__name__} did not start on {self.host}:{self.port}:\n{tail}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop in order, keeping the data."""
        self._end(self.stop_signal, 20)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(signal.SIGKILL, 5)

    def restart(self) -> None:
        """Stop in order and start again, with the same data on the same port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its folder."""
        self._end(self.end_signal, 5)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, command: Sequence[str], *, stdin: str | None = None) -> str:
        """Run another program as the server's user and return what it printed."""
        done = subprocess.run(
            self._wrapped(command),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment(),
            cwd=self.folder,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerFailedError(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-3000:]}")
        return done.stdout

    def write(self, name: str, text: str) -> Path:
        """Write a file into the server's folder that only its user can read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")
        if self.user and os.geteuid() == 0:
            shutil.chown(path, self.user)
        return path

    def _wrapped(self, command: Sequence[str]) -> list[str]:
        wrapper = [program("setpriv"), "--pdeathsig", self.end_signal.name.removeprefix("SIG")]
        if self.user and os.geteuid() == 0:
            wrapper += ["--reuid", self.user, "--regid", str(pwd.getpwnam(self.user).pw_gid), "--init-groups"]
        return [*wrapper, "--", *command]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self.folder), "TMPDIR": str(self.folder)}

    def _give_to(self, user: str) -> None:
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            raise MissingServerError(f"no system user {user}. `make test` installs what the tests need.") from None
        os.chown(self.folder, entry.pw_uid, entry.pw_gid)

    def _end(self, how: signal.Signals, patience: float) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._process = None
