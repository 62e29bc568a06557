"""Leases: who works on a system, or on the project, right now. A dead holder's lease lapses within a minute.

A holder on this machine that is no longer alive has lapsed at once: a killed run never keeps its successor waiting.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from muster.model.errors import LeaseRefused, StoreError
from muster.store.database import Database

SECONDS: Final = 45
_RENEW: Final = 10.0
_LOOK: Final = 0.25
"""Seconds between two looks whether a lease has become free."""


def _nobody(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long (seconds) somebody waits for a lease, and who is told once, in words, what is waited for."""

    seconds: float = 0.0
    tell: Callable[[str], None] = _nobody


def _born(pid: int) -> str | None:
    """When a process of this machine started; None when there is none. A pid used again has another answer."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _me() -> dict[str, str | int | None]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "born": _born(os.getpid())}


def _alive(holder: dict[str, str | int | None], expires: int, now: int) -> bool:
    if expires <= now:
        return False
    pid = holder.get("pid")
    if holder.get("host") == socket.gethostname() and isinstance(pid, int) and Path("/proc").is_dir():
        return _born(pid) == holder.get("born")
    return True


def working(database: Database, name: str) -> bool:
    """Whether somebody who is alive holds this lease."""
    with database.read() as session:
        row = session.one("SELECT holder, expires FROM lease WHERE name = ?", name)
    return row is not None and _alive(orjson.loads(row[0]), row[1], int(time.time()))


IMPATIENT: Final = Patience()


@contextmanager
def leased(database: Database, names: Sequence[str], verb: str, patience: Patience = IMPATIENT) -> Iterator[None]:
    """Hold the leases while the block runs. Raises `LeaseRefused`, naming the holder: at once, or when it has waited.

    Leases count real time, not the clock of a rehearsal. Who slept past the end of its lease, and was followed by
    somebody else, can write nothing to the store any more, so it sends nothing either.
    """
    token = {**_me(), "verb": verb, "since": time.strftime("%Y-%m-%d %H:%M:%S"), "token": os.urandom(8).hex()}
    mine = orjson.dumps(token).decode()
    stop = threading.Event()
    renewer = threading.Thread(target=_renew, args=(database, names, mine, stop), daemon=True)
    try:
        _wait_and_take(database, names, mine, patience)
        if not database.memory:
            renewer.start()
        yield
    finally:
        stop.set()
        if renewer.is_alive():
            renewer.join()
        if not database.closed_to_writers:
            _release(database, names, mine)


def _release(database: Database, names: Sequence[str], mine: str) -> None:
    with database.write() as session:
        for name in names:
            session.run("DELETE FROM lease WHERE name = ? AND holder = ?", name, mine)


def _wait_and_take(database: Database, names: Sequence[str], mine: str, patience: Patience) -> None:
    last = time.monotonic() + patience.seconds
    told = False
    while True:
        try:
            return _take(database, names, mine)
        except LeaseRefused as error:
            if time.monotonic() >= last:
                raise
            if not told:
                patience.tell(error.message)
                told = True
        time.sleep(_LOOK)


def _take(database: Database, names: Sequence[str], mine: str) -> None:
    now = int(time.time())
    with database.write() as session:
        for name in sorted(names):
            row = session.one("SELECT holder, expires FROM lease WHERE name = ?", name)
            if row is not None:
                holder = orjson.loads(row[0])
                if _alive(holder, row[1], now):
                    raise LeaseRefused(
                        f"{name} is being worked on by `muster {holder['verb']}` (process {holder['pid']} on "
                        f"{holder['host']}, since {holder['since']}). Wait until it is done, then start again"
                    )
            session.upsert("lease", ("name", "holder", "expires"), ("name",), [(name, mine, now + SECONDS)])


def _renew(database: Database, names: Sequence[str], mine: str, stop: threading.Event) -> None:
    while not stop.wait(_RENEW):
        with suppress(StoreError):  # the next turn comes long before the lease ends
            if not _renewed(database, names, mine):
                database.close_to_writers(
                    "this run was asleep for too long, and another one has taken its place. It stops here; what it had "
                    "sent is looked up by the other"
                )
                return


def _renewed(database: Database, names: Sequence[str], mine: str) -> bool:
    """Put off the end of the leases; False when one of them is somebody else's by now."""
    expires = int(time.time()) + SECONDS
    with database.write() as session:
        return all(
            session.run("UPDATE lease SET expires = ? WHERE name = ? AND holder = ?", expires, name, mine) == 1
            for name in names
        )
