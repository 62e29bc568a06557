"""What an error of a database means for the change that met it, by the codes of each kind of database. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError


class Fault(Enum):
    """What a database error means for the change that met it.

    UNFIT: a value that a column's type has no place for. UNWRITABLE: the database takes no writes at all, whatever they
    are (it is full, or may only be read); it may have rolled everything back by itself.
    """

    DUPLICATE = auto()
    REFUSED = auto()
    BUSY = auto()
    DEAD = auto()
    RIGHTS = auto()
    UNFIT = auto()
    UNWRITABLE = auto()


_STATES: Final[Mapping[str, Fault]] = {
    "23505": Fault.DUPLICATE,
    "40001": Fault.BUSY, "40P01": Fault.BUSY, "55P03": Fault.BUSY,
    "25006": Fault.UNWRITABLE, "53": Fault.UNWRITABLE,
    "42501": Fault.RIGHTS,
    "08": Fault.DEAD, "57": Fault.DEAD,
    "22003": Fault.UNFIT, "22007": Fault.UNFIT, "22008": Fault.UNFIT, "22P02": Fault.UNFIT,
}  # fmt: skip
"""PostgreSQL: the SQLSTATE, or its class (PostgreSQL documentation, appendix A). Others put many errors into one."""

_MARIADB: Final[Mapping[int, Fault]] = {
    1062: Fault.DUPLICATE,
    1205: Fault.BUSY, 1213: Fault.BUSY,
    **dict.fromkeys((1021, 1036, 1114, 1290, 1792, 1836), Fault.UNWRITABLE),
    **dict.fromkeys((1142, 1143, 1227, 1370), Fault.RIGHTS),
    **dict.fromkeys((1053, 1927, 2006, 2013), Fault.DEAD),
}  # fmt: skip
_NUMBERS: Final[Mapping[str, Mapping[int, Fault]]] = {
    "mariadb": _MARIADB,
    "mysql": _MARIADB,
    "mssql": {
        2601: Fault.DUPLICATE, 2627: Fault.DUPLICATE,
        1205: Fault.BUSY, 1222: Fault.BUSY, 3960: Fault.BUSY,
        229: Fault.RIGHTS, 230: Fault.RIGHTS,
    },
    "oracle": {
        1: Fault.DUPLICATE,
        54: Fault.BUSY, 60: Fault.BUSY, 8177: Fault.BUSY,
        1031: Fault.RIGHTS,
    },
}  # fmt: skip
_WORDS: Final[Mapping[str, Fault]] = {
    "UNIQUE constraint failed": Fault.DUPLICATE,
    "database is locked": Fault.BUSY,
    "database or disk is full": Fault.UNWRITABLE,
    "disk I/O error": Fault.UNWRITABLE,
    "readonly database": Fault.UNWRITABLE,
}
"""SQLite: its driver gives words alone."""

_NUMBER: Final = {"mssql": re.compile(r"\((\d+)\) \(SQL\w+\)"), "oracle": re.compile(r"^ORA-(\d+)")}
"""Where the drivers of SQL Server (ODBC) and of Oracle write the number of an error."""


def fault_of(dialect: str, error: SQLAlchemyError) -> Fault:
    """What the error means; REFUSED for what nothing more is known of."""
    if not isinstance(error, DBAPIError):
        return Fault.REFUSED
    if error.connection_invalidated:
        return Fault.DEAD
    original: Any = error.orig
    state = getattr(original, "sqlstate", None)
    if state and dialect not in _NUMBERS:
        return _STATES.get(state) or _STATES.get(state[:2]) or Fault.REFUSED
    if dialect in _NUMBERS:
        return _NUMBERS[dialect].get(_number(dialect, original), Fault.REFUSED)
    text = str(original)
    return next((fault for words, fault in _WORDS.items() if words in text), Fault.REFUSED)


def _number(dialect: str, original: Any) -> int:
    if original.args and isinstance(original.args[0], int):
        return int(original.args[0])
    found = _NUMBER[dialect].search(str(original)) if dialect in _NUMBER else None
    return int(found[1]) if found else 0
