"""What changed since the last read, domain by domain: how it is found, and where each domain stands."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import ldap
import orjson

from muster.connectors.active_directory import history, usn
from muster.connectors.active_directory.dirsync import DirSync
from muster.connectors.active_directory.domain import Domain
from muster.connectors.active_directory.following import Follower
from muster.connectors.active_directory.forms import sid_octets
from muster.connectors.active_directory.history import SHOW_DELETED
from muster.connectors.active_directory.settings import Delta
from muster.connectors.ldap import errors
from muster.connectors.ldap.wire import instant_of
from muster.model.errors import IncompleteRead, MusterError, WatermarkExpired
from muster.model.objects import ConnectorObject, Page
from muster.model.values import WrongType

Mark: TypeAlias = Mapping[str, Any]
"""Where one domain stands, as it goes into the watermark."""

_REFUSED: Final = (
    *(ldap.INSUFFICIENT_ACCESS, ldap.UNAVAILABLE_CRITICAL_EXTENSION, ldap.UNWILLING_TO_PERFORM),
    *(ldap.PROTOCOL_ERROR, ldap.OPERATIONS_ERROR),
)
_ADMINISTRATORS: Final = sid_octets("S-1-5-32-544")
_TOMBSTONES: Final = timedelta(days=60)
"""How long a domain keeps what was deleted when it does not say."""


class Ways:
    """How changes are found in one domain."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._cookies: dict[bool, bytes | None] = {}

    def chosen(self) -> Delta:
        """The way that the settings ask for, or the best that shows deletions, too; NONE when there is none."""
        asked = self._domain.common.delta
        if asked is not Delta.AUTO:
            return asked
        rights = self.replicates()
        if not self.shows_deletions(rights=rights):
            return Delta.NONE
        return Delta.DIRSYNC if rights or self._cookie(rights=False) is not None else Delta.USN

    def replicates(self) -> bool:
        """Whether the login has the right Replicating Directory Changes: DirSync shows it what it may not read, too."""
        return self._cookie(rights=True) is not None

    def shows_deletions(self, *, rights: bool) -> bool:
        """Whether the login is shown what was deleted; without the right to, Deleted Objects looks empty.

        `rights`: it may replicate. On Windows that is enough, on Samba it is not.
        """
        samba = "samba" in self._domain.session.offers.vendor.lower()
        if _ADMINISTRATORS in self._domain.root.sids if samba else rights:
            return True
        container = f"CN=Deleted Objects,{self._domain.root.base}"
        try:
            found = self._domain.session.connection.search_ext_s(
                container, ldap.SCOPE_ONELEVEL, "(isDeleted=TRUE)", ["1.1"], serverctrls=[SHOW_DELETED], sizelimit=1
            )
        except ldap.SIZELIMIT_EXCEEDED:
            return True
        except (ldap.NO_SUCH_OBJECT, ldap.INSUFFICIENT_ACCESS):
            return False
        except ldap.LDAPError as error:
            raise self._reading(error) from None
        return any(dn is not None for dn, _ in found)

    def mark(self) -> Mark:
        """Where the domain stands now, or stood when its changes were first looked for in this session."""
        how = self.chosen()
        root = self._domain.root
        if how is Delta.NONE:
            return {"how": how}
        if how is Delta.USN:
            of = self._domain.controller().invocation
            return {"how": how, "when": root.now, "at": root.usn, "of": of, "seen": history.seen(self._domain)}
        rights = self.replicates()
        cookie = self._cookie(rights=rights)
        if cookie is None:
            where = f"{self._domain.system}: {self._domain.url}"
            raise IncompleteRead(
                f"{where} refuses DirSync, which `delta: dirsync` asks for. `delta: auto` does without."
            )
        return _dirsync_mark(root.now, cookie, history.seen(self._domain), rights=rights)

    def _cookie(self, *, rights: bool) -> bytes | None:
        """Where the domain stands by DirSync; None where the login may not use it so."""
        if rights not in self._cookies:
            try:
                self._cookies[rights] = DirSync(self._domain.session, self._domain.root.base, rights=rights).cookie()
            except _REFUSED:
                self._cookies[rights] = None
            except ldap.LDAPError as error:
                raise self._reading(error) from None
        return self._cookies[rights]

    def _reading(self, error: ldap.LDAPError) -> MusterError:
        domain = self._domain
        return errors.reading(domain.system, domain.url, domain.root.base, error)


def watermark(marks: Mapping[str, Mark]) -> str | None:
    """Where all domains stand; None when none of them tells changes."""
    if all(mark["how"] == Delta.NONE for mark in marks.values()):
        return None
    return orjson.dumps(marks, option=orjson.OPT_SORT_KEYS).decode()


def marks_of(system: str, since: str) -> dict[str, Mark]:
    """The marks in a watermark. Raises `WatermarkExpired` for one that is none of this connector's."""
    found: Any = None
    with suppress(orjson.JSONDecodeError):
        found = orjson.loads(since)
    marks = found.values() if isinstance(found, dict) else ()
    if not marks or not all(isinstance(mark, dict) and "how" in mark for mark in marks):
        raise WatermarkExpired(f"{system}: the watermark of the last read is not one of Active Directory's.")
    return dict(found)


def changes(
    domain: Domain, wanted: Mapping[str, Sequence[str]], mark: Mark, gone: list[ConnectorObject]
) -> Generator[Page, None, Mark]:
    """Everything that changed in the domain after the mark; what is no longer there goes to `gone`.

    Gives where the domain stands then. Raises `WatermarkExpired` when changes cannot be told.
    """
    rights = mark.get("rights") is True
    asked = domain.common.delta
    if mark["how"] not in (Delta.DIRSYNC, Delta.USN) or asked not in (Delta.AUTO, mark["how"]):
        raise WatermarkExpired(f"{domain.system}: at the last read, changes were found in another way.")
    if asked is Delta.AUTO and not Ways(domain).shows_deletions(rights=rights):
        raise WatermarkExpired(f"{domain.system}: {domain.called} shows this login no deletions any more.")
    _kept_since(domain, mark)
    before = mark.get("seen", {})
    history.unbroken(domain, before)
    follower = Follower(domain, wanted, gone)
    if mark["how"] == Delta.USN:
        yield from usn.changed(domain, follower, mark)
        return {**mark, "when": domain.root.now, "at": domain.root.usn, "seen": history.seen(domain, before)}
    try:
        cookie = base64.b64decode(mark["at"], validate=True)
    except (binascii.Error, TypeError, KeyError):
        raise WatermarkExpired(f"{domain.system}: the watermark of the last read holds no cookie.") from None
    found = DirSync(domain.session, domain.root.base, rights=rights)
    for events, after in found.events(follower.broad_filter, follower.attributes, cookie):
        yield from follower.follow(events)
        cookie = after
    yield from follower.rest()
    return _dirsync_mark(domain.root.now, cookie, history.seen(domain, before), rights=rights)


def blind(domain: Domain, mark: Mark) -> bool:
    """Whether changes are followed, as the settings demand, where the login is shown no deletions."""
    rights = mark.get("rights") is True
    return domain.common.delta is not Delta.AUTO and not Ways(domain).shows_deletions(rights=rights)


def _dirsync_mark(now: str, cookie: bytes, seen: Mapping[str, Any], *, rights: bool) -> Mark:
    at = base64.b64encode(cookie).decode()
    return {"how": Delta.DIRSYNC, "when": now, "at": at, "rights": rights, "seen": seen}


def _kept_since(domain: Domain, mark: Mapping[str, Any]) -> None:
    """Raises `WatermarkExpired` when tombstones of deletions since then may be gone already."""
    where = f"CN=Directory Service,CN=Windows NT,CN=Services,{domain.root.configuration}"
    entry = domain.session.first(where, "(objectClass=nTDSService)", ["tombstoneLifetime"])
    days = entry[1].get("tombstoneLifetime") if entry is not None else None
    kept = timedelta(days=int(days[0])) if days else _TOMBSTONES
    try:
        then, now = (datetime.fromisoformat(instant_of(str(text))) for text in (mark["when"], domain.root.now))
    except (KeyError, WrongType):
        raise WatermarkExpired(f"{domain.system}: the watermark of the last read says no time.") from None
    if now - then >= kept:
        raise WatermarkExpired(
            f"{domain.system}: the last read of {domain.called} is {(now - then).days} days ago, and deletions are "
            f"remembered for {kept.days} only."
        )
