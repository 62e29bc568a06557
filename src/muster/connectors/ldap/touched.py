"""What a log of changes names, read as it is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import ldap

from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.reading import pages_of, tombstone
from muster.connectors.ldap.requests import any_anchor
from muster.connectors.ldap.session import Session
from muster.connectors.ldap.wire import Entry, LdapType, Reader
from muster.model.errors import WatermarkExpired
from muster.model.objects import Page

_TOGETHER: Final = 500
SUBORDINATES: Final = "hasSubordinates"
"""Whether others are named below an entry (X.501; OpenLDAP and 389 DS have it)."""


@dataclass(frozen=True, slots=True)
class Touched:
    """One entry that was added, changed, renamed or deleted.

    `ids`: the lasting names that the log gives it: attribute in lower case → value. `dn`: its name before the change;
    None: it was somewhere below the base. `renamed`: those below it have other names now, too. `into`: what a move put
    it below; "" when it was not moved. `deleted`: it is gone from there.
    """

    dn: str | None
    ids: Mapping[str, str]
    renamed: bool = False
    into: str = ""
    deleted: bool = False


def as_now(
    session: Session, kind: LdapType, attributes: Sequence[str], all_touched: Sequence[Touched]
) -> Iterator[Page]:
    """The objects of one type among what was touched; what is no longer one of them is a tombstone.

    Raises `WatermarkExpired` when the log does not say enough for that.
    """
    left = [one for one in all_touched if _left(one, kind.base)]
    # What lies below a container that was moved away is changed and deleted there, under names that are not below base.
    touched = all_touched if left else [one for one in all_touched if _concerns(one, kind.base)]
    if not touched:
        return
    reader = Reader(kind, attributes)
    yield from _present_or_gone(session, kind, reader, _anchors(session, kind, touched))
    renamed = _anchors(session, kind, [one for one in touched if one.renamed and not one.deleted])
    yield from _below(session, kind, reader, renamed)
    deleted = set(_anchors(session, kind, [one for one in touched if one.deleted]))
    yield from moved_away(session, kind, [a for a in _anchors(session, kind, left) if a not in deleted], seen=True)


def _concerns(one: Touched, base: str) -> bool:
    return one.dn is None or _lies_below(one.dn, base) or _lies_below(one.into, base)


def _left(one: Touched, base: str) -> bool:
    return bool(one.into) and one.dn is not None and _lies_below(one.dn, base) and not _lies_below(one.into, base)


def _lies_below(dn: str, base: str) -> bool:
    try:
        return bool(dn) and dns.below(dn, base)
    except dns.MalformedDn:
        return False


def _anchors(session: Session, kind: LdapType, touched: Sequence[Touched]) -> list[str]:
    found: dict[str, None] = {}
    for one in touched:
        anchor = one.ids.get(kind.anchor.lower())
        if anchor is None:
            raise unnamed(session, kind)
        found[anchor] = None
    return list(found)


def unnamed(session: Session, kind: LdapType) -> WatermarkExpired:
    """Why a delta is not enough: what was deleted cannot be told by its anchor."""
    if session.offers.is_389:
        hint = (
            "(389 DS: nsUniqueId as anchor; for the changelog also 'nsslapd-attribute: nsuniqueid:targetUniqueId' on "
            "the Retro Changelog plug-in.)"
        )
    else:
        hint = "(entryUUID as anchor makes that needless.)"
    return WatermarkExpired(
        f"{session.system}: the server does not tell {kind.anchor}, the anchor of {kind.name!r}, of what was changed "
        f"or deleted, so everything is read. {hint}"
    )


def _present_or_gone(session: Session, kind: LdapType, reader: Reader, anchors: Sequence[str]) -> Iterator[Page]:
    for batch in _batches(anchors):
        seen: set[str] = set()
        for found in session.pages(kind.base, f"(&{kind.filter}{any_anchor(kind, batch)})", reader.request):
            entries: list[tuple[str, Entry]] = [(dn, entry) for dn, entry in found if dn is not None]
            for page in pages_of(reader, entries):
                seen.update(one.anchor for one in page.objects)
                seen.update(problem.anchor for problem in page.problems if problem.anchor)
                yield page
        gone = [tombstone(kind, anchor) for anchor in batch if anchor not in seen]
        if gone:
            yield Page(objects=gone)


def _below(session: Session, kind: LdapType, reader: Reader, renamed: Sequence[str]) -> Iterator[Page]:
    """Everything below what was renamed: no log names it, and its DN changed, too."""
    for batch in _batches(renamed):
        asked = any_anchor(kind, batch)
        for dn, entry in session.search(kind.base, ldap.SCOPE_SUBTREE, asked, [SUBORDINATES]):
            if has_others_below(entry) is not False:
                for found in session.pages(dn, kind.filter, reader.request):
                    yield from pages_of(reader, [(one, values) for one, values in found if one is not None])


def moved_away(session: Session, kind: LdapType, anchors: Sequence[str], *, seen: bool) -> Iterator[Page]:
    """Tombstones of what lies below entries that are no longer below the base, but elsewhere in the directory.

    `seen`: they are known to be elsewhere; where the login may not see that, raises `WatermarkExpired`.
    """
    context = session.offers.context_of(kind.base)
    if context is None and anchors and seen:
        raise _out_of_sight(session, kind)
    if context is None or dns.same(context, kind.base):
        return  # nothing leaves a naming context but by being deleted
    for batch in _batches(anchors):
        found = session.search(context, ldap.SCOPE_SUBTREE, any_anchor(kind, batch), [SUBORDINATES])
        if seen and len(found) < len(batch):
            raise _out_of_sight(session, kind)
        for dn, entry in found:
            if has_others_below(entry) is False or dns.below(dn, kind.base):
                continue
            for page in session.pages(dn, kind.filter, [kind.anchor]):
                gone = [
                    tombstone(kind, kind.anchor_of(values))
                    for one, content in page
                    if one is not None
                    for values in content.values()
                ]
                yield Page(objects=gone)


def _out_of_sight(session: Session, kind: LdapType) -> WatermarkExpired:
    return WatermarkExpired(
        f"{session.system}: something was moved out of {kind.base!r}, to where this login may not see whether others "
        "went with it. Everything is read; let it read the whole directory to make that needless."
    )


def has_others_below(entry: Entry) -> bool | None:
    """What the server says of whether others are named below the entry; None when it does not say."""
    told = next((values for name, values in entry.items() if name.lower() == SUBORDINATES.lower()), ())
    return {b"true": True, b"false": False}.get(told[0].lower()) if told else None


def _batches(anchors: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(anchors)
    while batch := list(islice(rest, _TOGETHER)):
        yield batch
