"""One run of a program: lines in, lines out, within limits of time and size. Nothing of it is left afterwards."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import orjson

from muster.connectors.script.settings import ScriptSettings
from muster.model.errors import IncompleteRead, ProjectError, Unreachable
from muster.model.secrets import Secret

_CHUNK: Final = 65_536
_AHEAD: Final = 65_536
"""Bytes that wait to be taken; more is not asked for from whoever sends."""
_SAID: Final = 2_000
_PASSED: Final = ("PATH", "HOME", "LANG", "TZ")
_GRACE: Final = 5.0
"""Seconds that a program has to end by itself after its last line."""


class Run:
    """A program at work. Used by one thread; a program that is silent, endless or babbling is killed with its children.

    Raises `Unreachable` when it hangs or dies, `IncompleteRead` when what it writes is no protocol, `ProjectError`
    when it cannot be started.
    """

    def __init__(self, system: str, settings: ScriptSettings, folder: Path) -> None:
        self.system = system
        self._settings = settings
        self._began = time.monotonic()
        self._out: bytearray = bytearray()
        self._in: deque[bytes] = deque()
        self._waiting = 0
        self._errors = bytearray()
        self._total = 0
        self._count = 0
        self._ended = False
        self._process = _started(system, settings, folder)
        self._selector = selectors.DefaultSelector()
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        for stream in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(stream.fileno(), False)
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._selector.register(self._stderr, selectors.EVENT_READ)
        self._open_out, self._open_err = True, True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def end(self) -> None:
        """Kill it and its children, if any are left."""
        self._selector.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._stdin, self._stdout, self._stderr):
            with contextlib.suppress(OSError):
                stream.close()

    # --- lines

    def send(self, message: Mapping[str, object]) -> list[object]:
        """Give it a line, and what it wrote meanwhile. Waits while it does not take what was given before."""
        data = orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE)
        self._in.append(data)
        self._waiting += len(data)
        found = self._taken(wait=False)
        while self._waiting > _AHEAD and self._open_out:
            found += self._taken(wait=True)
        return found

    def finish(self) -> Iterator[object]:
        """Say that nothing more comes, and what it writes until it ends. Raises when it ends badly."""
        self._ended = True
        while self._open_out:
            yield from self._taken(wait=True)
        if self._out:
            yield self._parsed(bytes(self._out))
            self._out.clear()
        self._left()

    def died(self, what: str) -> Unreachable:
        """The error for a program that ended before it had said all."""
        return Unreachable(
            f"{self.system}: {self._name} {what}{self._words()} Run it by hand, or look at what it needs."
        )

    @property
    def _name(self) -> str:
        return f"the script {self._settings.command[0]}"

    def _left(self) -> None:
        while self._open_err:
            self._taken(wait=True)
        try:
            code = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            raise self.died(f"closed its output and did not end within {_GRACE:g} seconds.") from None
        if code:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise self.died(f"{how}.")

    def _taken(self, *, wait: bool) -> list[object]:
        """What one turn of reading and writing brings, as messages."""
        self._interest()
        now = time.monotonic()
        left = self._began + self._settings.longest - now
        if left <= 0:
            raise self.died(f"was still at work after {self._settings.longest:g} seconds (`longest`), and was ended.")
        ready = self._selector.select(min(self._settings.timeout, left) if wait else 0)
        if wait and not ready:
            if left <= self._settings.timeout:
                return []
            raise self.died(f"was silent for {self._settings.timeout:g} seconds (`timeout`), and was ended.")
        found: list[object] = []
        for key, _ in ready:
            if key.fileobj is self._stdin:
                self._write()
            elif key.fileobj is self._stdout:
                found += self._read()
            else:
                self._hear()
        return found

    def _interest(self) -> None:
        """Ask for room in its input while something waits for it; close it when all is said."""
        registered = self._stdin.closed is False and self._stdin in self._selector.get_map()
        if self._in and not registered and not self._stdin.closed:
            self._selector.register(self._stdin, selectors.EVENT_WRITE)
        elif not self._in and registered:
            self._selector.unregister(self._stdin)
        if self._ended and not self._in and not self._stdin.closed:
            self._stdin.close()

    def _write(self) -> None:
        while self._in:
            try:
                done = os.write(self._stdin.fileno(), self._in[0][:_CHUNK])
            except BlockingIOError:
                return
            except BrokenPipeError:
                # It takes nothing more; what it says, or how it ends, tells why.
                self._in.clear()
                self._waiting = 0
                return
            self._waiting -= done
            rest = self._in[0][done:]
            if rest:
                self._in[0] = rest
                return
            self._in.popleft()

    def _read(self) -> list[object]:
        data = os.read(self._stdout.fileno(), _CHUNK)
        if not data:
            self._open_out = False
            self._selector.unregister(self._stdout)
            return []
        self._counted(len(data))
        self._out += data
        *lines, rest = bytes(self._out).split(b"\n") if b"\n" in data else [bytes(self._out)]
        self._out = bytearray(rest)
        if len(rest) > self._settings.line:
            raise self._babble(f"wrote a line of more than {self._settings.line} bytes (`line`), and was ended.")
        return [self._parsed(line) for line in lines if line.strip()]

    def _hear(self) -> None:
        data = os.read(self._stderr.fileno(), _CHUNK)
        if not data:
            self._open_err = False
            self._selector.unregister(self._stderr)
            return
        self._counted(len(data))
        self._errors = (self._errors + data)[-_SAID:]

    def _counted(self, size: int) -> None:
        self._total += size
        if self._total > self._settings.largest:
            raise self._babble(f"wrote more than {self._settings.largest} bytes (`largest`), and was ended.")

    def _parsed(self, line: bytes) -> object:
        self._count += 1
        try:
            found = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            text = line[:60].decode("utf-8", "replace")
            raise self._babble(
                f"wrote {text!r} as line {self._count}, which is no JSON object. Only lines of the protocol go to its "
                "standard output; let it write messages to standard error."
            )
        return found

    def _babble(self, what: str) -> IncompleteRead:
        return IncompleteRead(f"{self.system}: {self._name} {what}{self._words()}")

    def _words(self) -> str:
        said = " ".join(self._errors.decode("utf-8", "replace").split())[-300:]
        return f" It said: {said}" if said else ""


def _started(system: str, settings: ScriptSettings, folder: Path) -> subprocess.Popen[bytes]:
    argv = [_program(system, settings.command[0], folder), *settings.command[1:]]
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=_environment(settings.environment),
            start_new_session=True,
            close_fds=True,
        )
    except OSError as error:
        raise ProjectError(
            f"{system}: {argv[0]} cannot be started: {error.strerror}. Make it executable (chmod +x), give it a first "
            "line such as #!/usr/bin/env python3, or name the interpreter before it in `command`."
        ) from None


def _program(system: str, name: str, folder: Path) -> str:
    if "/" in name:
        path = folder / name
        if path.is_file():
            return str(path)
        raise ProjectError(f"{system}: there is no program {path}. Correct `command`.")
    found = shutil.which(name)
    if found is None:
        raise ProjectError(f"{system}: there is no program {name!r} in the PATH. Install it, or correct `command`.")
    return found


def _environment(named: Mapping[str, str | Secret]) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    passed.setdefault("LANG", "C.UTF-8")
    return passed | {name: one.reveal() if isinstance(one, Secret) else one for name, one in named.items()}


def command_line(command: Sequence[str]) -> str:
    """The command as people read it."""
    return " ".join(command)
