"""What a database driver complains about, in words for the person who must act."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from muster.model.errors import StoreError, TooLong

_BUSY = (
    "another program keeps it locked. Close what else has it open (a backup, a database browser, a stopped process) "
    "and start again"
)
_DAMAGED = "it is damaged, or it is not a SQLite database. Put back the last good backup of this file"
_DISK = (
    "the disk does not read or write it. Look at the disk and the system log, then start again; finished work is kept"
)
_FULL = "the disk is full. Make room and start again; finished work is kept"
_RIGHTS = "it cannot be written. Give this user the right to write to the file and to its folder"

_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_CANTOPEN: _RIGHTS,
    sqlite3.SQLITE_PERM: _RIGHTS,
    sqlite3.SQLITE_AUTH: _RIGHTS,
}
"""By primary result code (https://www.sqlite.org/rescode.html)."""

_GONE = (
    "the server gives no session, or ended it. Check that it runs, and `store:` in muster.yaml; finished work is kept"
)

_POSTGRES: Final = {
    "08": _GONE,
    "25006": "the server only reads (a standby?). Give the address of the primary in muster.yaml",
    "28": "the server refuses this user or its password. Check `store:` in muster.yaml",
    "3D": "the server has no such database. Create it, or check `store:` in muster.yaml",
    "40": "another session got in the way. Start again; finished work is kept",
    "42501": "this user lacks a right that is needed. Let it own the database",
    "53": "the server has no room for this now. Start again when it has; finished work is kept",
    "55P03": "another program keeps it locked. Close what else works in this database and start again",
    "57": _GONE,
    "58": _GONE,
}
"""By SQLSTATE, or its class (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


_TOO_LONG: Final = "57014"
"""SQLSTATE query_canceled: that is how statement_timeout ends a query."""


_FOR_WANT_OF_ROOM: Final = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""What SQLite also says when there is no room for the files that it keeps beside the database."""

_LITTLE: Final = 1 << 20
"""With fewer bytes free, a disk counts as full: what was undone may have made some room again."""


def store_error(error: BaseException, shown: str, folder: Path | None = None) -> StoreError | None:
    """The words for a driver's error; None when it is a bug of ours (a wrong statement, a broken constraint).

    `folder`: where the database's file is, to be asked how much room there is.
    """
    while isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
        error = error.orig
    if _interrupted(error):
        return TooLong(f"store {shown}: a query took longer than it may")
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None) or 0
        advice = _SQLITE.get(code & 0xFF)
        if code == sqlite3.SQLITE_IOERR_SHMSIZE or (code & 0xFF in _FOR_WANT_OF_ROOM and folder and _no_room(folder)):
            advice = _FULL
    else:
        advice = _postgres(error)
    if advice is None:
        return None
    told = str(error).strip().partition("\n")[0]
    return StoreError(f"store {shown}: {advice}. ({told})")


def _interrupted(error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF == sqlite3.SQLITE_INTERRUPT
    return getattr(error, "sqlstate", None) == _TOO_LONG


def _no_room(folder: Path) -> bool:
    """Whether this user can write next to nothing there, or make no more files."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LITTLE or (disk.f_files > 0 and disk.f_favail == 0)


def _postgres(error: BaseException) -> str | None:
    """psycopg's errors by what they carry: a project on SQLite does not load psycopg."""
    state: str | None = getattr(error, "sqlstate", None)
    if state is None:
        lost = type(error).__module__.startswith("psycopg") and type(error).__name__ in _LOST
        return _GONE if lost else None
    return _POSTGRES.get(state) or _POSTGRES.get(state[:2])


_LOST: Final = frozenset({"OperationalError", "ConnectionTimeout"})
