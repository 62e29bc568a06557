"""Deltas by content synchronisation (RFC 4533): on OpenLDAP, and on 389 DS, which does it in a way of its own."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from muster.connectors.ldap import changelog, requests
from muster.connectors.ldap.reading import containers_filter, is_container, pages_of, tombstone
from muster.connectors.ldap.session import Session
from muster.connectors.ldap.syncrepl import Event, Refresh
from muster.connectors.ldap.touched import SUBORDINATES, Touched, as_now, has_others_below, moved_away, unnamed
from muster.connectors.ldap.wire import LdapType, Reader
from muster.model.errors import WatermarkExpired
from muster.model.objects import Page

Wanted = Mapping[str, Sequence[str]]
Types = Mapping[str, LdapType]
Cookies = dict[str, str]
"""Base → the cookie of the last search there."""


def now(session: Session, bases: Sequence[str]) -> Cookies | None:
    """The cookies of now; None when part of the tree has no content synchronisation.

    389 DS takes a cookie back with the same filter alone, so that its first one takes a list of all entries' names.
    """
    cookies: Cookies = {}
    asked = requests.ANYTHING if session.offers.is_389 else requests.NOTHING
    for base in bases:
        cookie = Refresh(session, base, asked, ["1.1"], None).cookie_only()
        if cookie is None:
            return None
        cookies[base] = cookie
    return cookies


def since(session: Session, types: Types, wanted: Wanted, at: Any) -> Generator[Page, None, Cookies]:
    """What changed since the cookies `at`; returns those of now. Raises `WatermarkExpired` when that cannot be told."""
    bases: dict[str, Wanted] = {}
    for name, attributes in wanted.items():
        base = types[name].base
        if not isinstance(at, dict) or not isinstance(at.get(base), str):
            raise WatermarkExpired(f"{session.system}: {base!r} was not part of the last read.")
        bases[base] = {**bases.get(base, {}), name: attributes}
    cookies: Cookies = dict(at)
    for base, kinds in bases.items():
        if session.offers.is_389:
            cookies[base] = yield from _named(session, types, kinds, base, at[base])
        else:
            cookies[base] = yield from _shown(session, types, kinds, base, at[base])
    return cookies


# --- OpenLDAP


def _shown(session: Session, types: Types, wanted: Wanted, base: str, cookie: str) -> Generator[Page, None, str]:
    """Type by type, from one cookie. The earliest end counts, so that nothing between two searches is lost.

    A renamed container changes the DN of everything below it and of nothing else: its subtree is read again.
    """
    ends: list[str] = []
    for name, attributes in wanted.items():
        kind = types[name]
        reader = Reader(kind, attributes)
        both = f"(|{kind.filter}{containers_filter()})"
        refresh = Refresh(session, base, both, [*reader.request, "objectClass", SUBORDINATES], cookie)
        containers: list[str] = []
        gone: list[str] = []
        for events in _some(refresh.events(), session.settings.page_size):
            named = [_anchor(session, kind, event.uuid) for event in events if event.deleted]
            if named:
                gone.extend(named)
                yield Page(objects=[tombstone(kind, anchor) for anchor in named])
            alive = [event for event in events if not event.deleted]
            containers.extend(one.dn for one in alive if is_container(one.entry) or has_others_below(one.entry))
            yield from pages_of(reader, [(one.dn, one.entry) for one in alive if not is_container(one.entry)])
        for container in containers:
            for found in session.pages(container, kind.filter, reader.request):
                yield from pages_of(reader, [(dn, entry) for dn, entry in found if dn is not None])
        yield from moved_away(session, kind, gone, seen=False)
        ends.append(refresh.cookie or cookie)
    return ends[0]


def _anchor(session: Session, kind: LdapType, uuid: str) -> str:
    if kind.anchor.lower() != "entryuuid":
        raise unnamed(session, kind)
    return uuid


# --- 389 DS


def _named(session: Session, types: Types, wanted: Wanted, base: str, cookie: str) -> Generator[Page, None, str]:
    """389 DS does not tell what no longer matches a filter: every change is asked for, and read as it is now.

    It takes a cookie for good although the changelog was trimmed since; the number that ends it shows that.
    """
    number = cookie.rpartition("#")[2]
    if session.fresh_offers().changelog is None or not number.isdecimal():
        raise WatermarkExpired(
            f"{session.system}: the server no longer keeps the changelog that changes are told from."
        )
    changelog.reaches(session.system, session.offers, int(number))
    refresh = Refresh(session, base, requests.ANYTHING, [SUBORDINATES], cookie)
    touched = [_touched(event) for event in refresh.events()]
    gone = [one.ids["nsuniqueid"] for one in touched if one.deleted]
    for name, attributes in wanted.items():
        kind = types[name]
        yield from as_now(session, kind, attributes, touched)
        yield from moved_away(session, kind, gone, seen=False)
    return refresh.cookie or cookie


def _touched(event: Event) -> Touched:
    plain = event.uuid.replace("-", "")
    unique = "-".join(plain[at : at + 8] for at in range(0, 32, 8))
    container = not event.deleted and has_others_below(event.entry) is not False
    return Touched(None, {"nsuniqueid": unique}, renamed=container, deleted=event.deleted)


def _some(events: Iterator[Event], size: int) -> Iterator[list[Event]]:
    while some := list(islice(events, size)):
        yield some
