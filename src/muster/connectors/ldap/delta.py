"""What changed since the last read: content synchronisation (RFC 4533), a log that the server keeps, or times."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from muster.connectors.ldap import accesslog, changelog, controls, synchronising
from muster.connectors.ldap.reading import pages_of
from muster.connectors.ldap.session import Session
from muster.connectors.ldap.settings import Delta
from muster.connectors.ldap.touched import as_now
from muster.connectors.ldap.wire import LdapType, Reader
from muster.model.errors import IncompleteRead, WatermarkExpired
from muster.model.objects import Page

CLOCKS_APART: Final = timedelta(minutes=5)
"""How far the server's clock may be from this machine's when `delta: timestamp` is used."""

Wanted = Mapping[str, Sequence[str]]
Types = Mapping[str, LdapType]


def way(session: Session) -> Delta:
    """The way that the settings ask for, or that the server offers; NONE when there is none that sees deletions."""
    asked = session.settings.delta
    if asked is not Delta.AUTO:
        return asked
    offers = session.offers
    synchronises = controls.SYNC_REQUEST in offers.controls
    if not offers.is_389:
        return Delta.SYNCREPL if synchronises else Delta.NONE
    if offers.changelog is None:  # content synchronisation stands on it, too
        return Delta.NONE
    if session.exists(offers.changelog):
        return Delta.CHANGELOG
    return Delta.SYNCREPL if synchronises else Delta.NONE


def watermark(session: Session, types: Types, wanted: Wanted) -> str | None:
    """Where a read that begins now stands; None when the server cannot tell changes."""
    how = way(session)
    at: object = None
    if how is Delta.SYNCREPL:
        at = synchronising.now(session, sorted({types[name].base for name in wanted}))
    elif how is Delta.CHANGELOG:
        offers = session.fresh_offers()
        at = offers.last_change if offers.changelog else None
    elif how is Delta.ACCESSLOG:
        at = accesslog.now(session)
    elif how is Delta.TIMESTAMP:
        at = _stamp(datetime.fromtimestamp(time.time(), UTC) - CLOCKS_APART)
    return None if at is None else _text(how, at)


def changes(session: Session, types: Types, wanted: Wanted, since: str) -> Iterator[Page]:
    """Everything that changed after the watermark, at least once.

    Raises `WatermarkExpired` when that cannot be told.
    """
    how = way(session)
    try:
        mark = orjson.loads(since)
        known, at = mark["how"] == how, mark["at"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        known, at = False, None
    if not known:
        raise WatermarkExpired(f"{session.system}: at the last read, changes were found in another way.")
    if how is Delta.TIMESTAMP:
        after = watermark(session, types, wanted)
        yield from _stamped(session, types, wanted, str(at))
        yield Page(watermark=after, last=True, blind=True)
        return
    if how is Delta.SYNCREPL:
        end: object = yield from synchronising.since(session, types, wanted, at)
    else:
        log = changelog if how is Delta.CHANGELOG else accesslog
        try:
            touched, end = log.since(session, at)
        except IncompleteRead as error:
            raise WatermarkExpired(f"{error.message} Everything is read instead.") from None
        for name, attributes in wanted.items():
            yield from as_now(session, types[name], attributes, touched)
    yield Page(watermark=_text(how, end), last=True)


def _text(how: Delta, at: object) -> str:
    return orjson.dumps({"how": how, "at": at}, option=orjson.OPT_SORT_KEYS).decode()


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y%m%d%H%M%SZ")


def _stamped(session: Session, types: Types, wanted: Wanted, since: str) -> Iterator[Page]:
    for name, attributes in wanted.items():
        kind = types[name]
        reader = Reader(kind, attributes)
        for found in session.pages(kind.base, f"(&{kind.filter}(modifyTimestamp>={since}))", reader.request):
            yield from pages_of(reader, [(dn, entry) for dn, entry in found if dn is not None])
