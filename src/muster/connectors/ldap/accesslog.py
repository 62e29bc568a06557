"""The log of writes that OpenLDAP's overlay accesslog keeps in a database of its own (slapo-accesslog)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from muster.connectors.ldap.session import Session
from muster.connectors.ldap.touched import Touched
from muster.connectors.ldap.wire import Entry
from muster.model.errors import WatermarkExpired

_FIRST: Final = timedelta(minutes=5)
_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)

_LATE: Final = timedelta(minutes=2)
"""A write may stand in the log by so much earlier a start than another that was done, and logged, before it."""

_WRITES: Final = "(objectClass=auditWriteObject)(reqResult=0)"
_MARKS: Final = ["reqStart", "entryCSN"]
_ASKED: Final = ["reqDN", "reqType", "reqNewSuperior", "reqEntryUUID", *_MARKS]

Told = dict[str, str]


def now(session: Session) -> dict[str, Any] | None:
    """Where the log ends; None when it is empty, or this login may not read it.

    The newest write is looked for further and further back, so that no clock is relied on.
    """
    if not session.exists(session.settings.accesslog):
        return None
    back = _FIRST
    here = datetime.fromtimestamp(time.time(), UTC)
    while True:
        begin = max(here - back, _EARLIEST)
        found = list(_read(session, _stamp(begin), _MARKS))
        if found:
            return mark_of(found, {})
        if begin == _EARLIEST:
            return None
        back *= 4


def since(session: Session, at: Any) -> tuple[list[Touched], dict[str, Any]]:
    """What the log names after the mark, and where it ends now.

    The write that the mark names must still be there: so must all after it, then, as the log drops the oldest first.
    Raises `WatermarkExpired` when it is not.
    """
    log = session.settings.accesslog
    try:
        last, stamps = str(at["start"]), dict(at["csn"])
        begin = _stamp(datetime.strptime(last[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC) - _LATE)
    except (KeyError, TypeError, ValueError):
        raise WatermarkExpired(f"{session.system}: the mark of the last read is not one of {log!r}.") from None
    if not session.exists(log):
        raise WatermarkExpired(f"{session.system}: there is no {log!r} any more, or this login may not read it.")
    found = list(_read(session, begin, _ASKED))
    if all(one.get("reqstart") != last for one in found):
        raise WatermarkExpired(
            f"{session.system}: {log!r} no longer has the write at {last}, where the last read ended, so some after it "
            "may be missing, too. (A longer olcAccessLogPurge keeps more.)"
        )
    return [_touched(one) for one in found if is_new(one, stamps)], mark_of(found, stamps)


def _read(session: Session, begin: str, attributes: list[str]) -> Iterator[Told]:
    for page in session.pages(session.settings.accesslog, f"(&{_WRITES}(reqStart>={begin}))", attributes):
        yield from (_told(entry) for dn, entry in page if dn is not None)


def _told(entry: Entry) -> Told:
    return {name.lower(): values[0].decode("utf-8", "replace") for name, values in entry.items() if values}


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y%m%d%H%M%S.000000Z")


def _server(csn: str) -> str:
    """Which server a change was made on: the third part of its CSN (draft-chu-ldap-csn)."""
    parts = csn.split("#")
    return parts[2] if len(parts) == 4 else ""


def is_new(one: Told, stamps: dict[str, str]) -> bool:
    """Whether a write was logged after the mark: the changes of one server are logged in the order of their CSN."""
    csn = one.get("entrycsn", "")
    return not csn or csn > stamps.get(_server(csn), "")


def mark_of(found: list[Told], before: dict[str, str]) -> dict[str, Any]:
    """The newest write by its start, and of each server the highest CSN; `before`: those of the mark before."""
    stamps = dict(before)
    for one in found:
        if csn := one.get("entrycsn", ""):
            stamps[_server(csn)] = max(csn, stamps.get(_server(csn), ""))
    return {"start": max(one["reqstart"] for one in found), "csn": stamps}


def _touched(one: Told) -> Touched:
    uuid = one.get("reqentryuuid")
    return Touched(
        dn=one.get("reqdn", ""),
        ids={"entryuuid": uuid} if uuid else {},
        renamed=one.get("reqtype") == "modrdn",
        into=one.get("reqnewsuperior", ""),
        deleted=one.get("reqtype") == "delete",
    )
