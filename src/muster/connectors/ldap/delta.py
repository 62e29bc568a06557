"""What changed since the last read: content synchronisation (RFC 4533), the changelog, or modification times."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

import orjson

from muster.connectors.ldap import changelog, controls, requests
from muster.connectors.ldap.reading import containers_filter, is_container, pages_of, tombstone
from muster.connectors.ldap.session import Session
from muster.connectors.ldap.settings import Delta
from muster.connectors.ldap.syncrepl import Refresh
from muster.connectors.ldap.wire import LdapType, Reader
from muster.model.errors import WatermarkExpired
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
    if offers.is_389:
        readable = offers.changelog is not None and session.exists(offers.changelog)
        return Delta.CHANGELOG if readable else Delta.NONE
    return Delta.SYNCREPL if controls.SYNC_REQUEST in offers.controls else Delta.NONE


def watermark(session: Session, types: Types, wanted: Wanted) -> str | None:
    """Where a read that begins now stands; None when the server cannot tell changes."""
    how = way(session)
    if how is Delta.SYNCREPL:
        cookies: dict[str, str] = {}
        for base in sorted({types[name].base for name in wanted}):
            cookie = Refresh(session, base, requests.NOTHING, ["1.1"], None).cookie_only()
            if cookie is None:
                return None
            cookies[base] = cookie
        return _text(how, cookies)
    if how is Delta.CHANGELOG:
        offers = session.fresh_offers()
        return _text(how, offers.last_change) if offers.changelog else None
    if how is Delta.TIMESTAMP:
        return _text(how, _stamp(datetime.fromtimestamp(time.time(), UTC) - CLOCKS_APART))
    return None


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
    if how is Delta.SYNCREPL:
        after: str | None = yield from _synchronised(session, types, wanted, at)
    else:
        after = watermark(session, types, wanted)
        if how is Delta.CHANGELOG:
            yield from changelog.changed(session, types, wanted, at)
        elif how is Delta.TIMESTAMP:
            yield from _stamped(session, types, wanted, str(at))
    if after is None:
        raise WatermarkExpired(f"{session.system}: the server no longer tells what changed.")
    yield Page(watermark=after, last=True)


def _text(how: Delta, at: object) -> str:
    return orjson.dumps({"how": how, "at": at}, option=orjson.OPT_SORT_KEYS).decode()


# --- modification times


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y%m%d%H%M%SZ")


def _stamped(session: Session, types: Types, wanted: Wanted, since: str) -> Iterator[Page]:
    for name, attributes in wanted.items():
        kind = types[name]
        reader = Reader(kind, attributes)
        for found in session.pages(kind.base, f"(&{kind.filter}(modifyTimestamp>={since}))", reader.request):
            yield from pages_of(reader, [(dn, entry) for dn, entry in found if dn is not None])


# --- content synchronisation


def _synchronised(session: Session, types: Types, wanted: Wanted, at: Any) -> Generator[Page, None, str]:
    """A renamed container changes the DN of everything below it and of nothing else: its subtree is read again."""
    cookies: dict[str, str] = {}
    for name, attributes in wanted.items():
        kind = types[name]
        if not isinstance(at, dict) or kind.base not in at:
            raise WatermarkExpired(f"{session.system}: {kind.base!r} was not part of the last read.")
        reader = Reader(kind, attributes)
        both = f"(|{kind.filter}{containers_filter()})"
        refresh = Refresh(session, kind.base, both, [*reader.request, "objectClass"], at[kind.base])
        containers: list[str] = []
        events = refresh.events()
        while some := list(islice(events, session.settings.page_size)):
            gone = [tombstone(kind, _anchor(session, kind, event.uuid)) for event in some if event.deleted]
            if gone:
                yield Page(objects=gone)
            alive = [event for event in some if not event.deleted]
            containers.extend(event.dn for event in alive if is_container(event.entry))
            yield from pages_of(reader, [(one.dn, one.entry) for one in alive if not is_container(one.entry)])
        for container in containers:
            for found in session.pages(container, kind.filter, reader.request):
                yield from pages_of(reader, [(dn, entry) for dn, entry in found if dn is not None])
        # Several types below one base: the earliest cookie, so that nothing between two searches is lost.
        cookies.setdefault(kind.base, refresh.cookie or at[kind.base])
    return _text(Delta.SYNCREPL, {**at, **cookies})


def _anchor(session: Session, kind: LdapType, uuid: str) -> str:
    name = kind.anchor.lower()
    if name == "entryuuid":
        return uuid
    plain = uuid.replace("-", "")
    if name == "nsuniqueid":
        return "-".join(plain[at : at + 8] for at in range(0, 32, 8))
    raise WatermarkExpired(
        f"{session.system}: the server names what is gone by its entryUUID, and the anchor of {kind.name!r} is "
        f"{kind.anchor}. Everything is read; entryUUID as anchor would make that needless."
    )
