"""The changelog below cn=changelog (draft-good-ldap-changelog), as 389 Directory Server keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import ldap

from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.reading import containers_filter, pages_of, tombstone
from muster.connectors.ldap.requests import any_anchor
from muster.connectors.ldap.session import Session
from muster.connectors.ldap.wire import Entry, LdapType, Reader
from muster.model.errors import WatermarkExpired
from muster.model.objects import Page

_TOGETHER: Final = 500
_ANCHORS: Final[Mapping[str, str]] = {"nsuniqueid": "targetUniqueId", "entryuuid": "targetEntryUUID"}
"""Where a change names the anchor of what it changed."""


def changed(
    session: Session, types: Mapping[str, LdapType], wanted: Mapping[str, Sequence[str]], at: Any
) -> Iterator[Page]:
    """What the changelog names after change number `at`, read as it is now; what is no longer there is a tombstone.

    Raises `WatermarkExpired` when the log was trimmed or begun anew since, or does not name anchors.
    """
    offers = session.fresh_offers()
    log = offers.changelog
    if log is None or not isinstance(at, int):
        raise WatermarkExpired(f"{session.system}: the server no longer keeps a changelog.")
    if offers.last_change < at or (offers.last_change > at and offers.first_change > at + 1):
        raise WatermarkExpired(
            f"{session.system}: the changelog goes from {offers.first_change} to {offers.last_change}; the last read "
            f"ended at {at}. (389 DS: a longer nsslapd-changelogmaxage keeps more.)"
        )
    if offers.last_change == at:
        return
    for base in sorted({types[name].base for name in wanted}):
        kinds = {name: attributes for name, attributes in wanted.items() if types[name].base == base}
        for anchor_name in sorted({types[name].anchor for name in kinds}):
            touched, renamed = _touched(session, log, at, base, anchor_name)
            for name, attributes in kinds.items():
                kind = types[name]
                if kind.anchor == anchor_name and touched:
                    reader = Reader(kind, attributes)
                    yield from _as_they_are(session, kind, reader, touched)
                    yield from _below(session, kind, reader, renamed)


def _touched(session: Session, log: str, at: int, base: str, anchor: str) -> tuple[list[str], list[str]]:
    """The anchors of everything below `base` that the log names after `at`, and of what was renamed."""
    names = _ANCHORS.get(anchor.lower())
    attributes = ["targetDn", "changeType", "newSuperior", *([names] if names else [])]
    touched: dict[str, None] = {}
    renamed: dict[str, None] = {}
    for found in session.pages(log, f"(changeNumber>={at + 1})", attributes):
        for dn, entry in found:
            if dn is None:
                continue
            lowered = {name.lower(): values[0].decode("utf-8", "replace") for name, values in entry.items()}
            if not any(_below_base(lowered.get(name, ""), base) for name in ("targetdn", "newsuperior")):
                continue
            one = lowered.get(names.lower()) if names else None
            if one is None:
                raise WatermarkExpired(
                    f"{session.system}: the changelog does not say {anchor} of what it changed. (389 DS: add "
                    "'nsslapd-attribute: nsuniqueid:targetUniqueId' to the Retro Changelog plug-in.)"
                )
            touched[one] = None
            if lowered.get("changetype", "").lower() in ("modrdn", "moddn"):
                renamed[one] = None
    return list(touched), list(renamed)


def _below_base(dn: str, base: str) -> bool:
    try:
        return bool(dn) and dns.below(dn, base)
    except dns.MalformedDn:
        return False


def _as_they_are(session: Session, kind: LdapType, reader: Reader, anchors: Sequence[str]) -> Iterator[Page]:
    rest = iter(anchors)
    while batch := list(islice(rest, _TOGETHER)):
        seen: set[str] = set()
        asked = f"(&{kind.filter}{any_anchor(kind, batch)})"
        for found in session.pages(kind.base, asked, reader.request):
            entries: list[tuple[str, Entry]] = [(dn, entry) for dn, entry in found if dn is not None]
            for page in pages_of(reader, entries):
                seen.update(one.anchor for one in page.objects)
                seen.update(problem.anchor for problem in page.problems if problem.anchor)
                yield page
        gone = [tombstone(kind, anchor) for anchor in batch if anchor not in seen]
        if gone:
            yield Page(objects=gone)


def _below(session: Session, kind: LdapType, reader: Reader, renamed: Sequence[str]) -> Iterator[Page]:
    """Everything below a container that was renamed: the log does not name it, and its DN changed, too."""
    rest = iter(renamed)
    while batch := list(islice(rest, _TOGETHER)):
        asked = f"(&{containers_filter()}{any_anchor(kind, batch)})"
        for dn, _ in session.search(kind.base, ldap.SCOPE_SUBTREE, asked, ["1.1"]):
            for found in session.pages(dn, kind.filter, reader.request):
                yield from pages_of(reader, [(one, entry) for one, entry in found if one is not None])
