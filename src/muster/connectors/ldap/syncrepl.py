"""Content synchronisation (RFC 4533), mode refreshOnly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ldap

from muster.connectors.ldap import controls, errors
from muster.connectors.ldap.session import Session
from muster.connectors.ldap.wire import Entry
from muster.model.errors import IncompleteRead, WatermarkExpired


@dataclass(slots=True)
class Event:
    """One entry that changed, or the entryUUID of one that is gone."""

    dn: str
    entry: Entry
    uuid: str
    deleted: bool


class Refresh:
    """One search with the sync control, mode refreshOnly."""

    def __init__(self, session: Session, base: str, filter: str, attributes: Sequence[str], cookie: str | None) -> None:
        """389 DS names every deletion and never says so at the end; what it does not know it refuses."""
        self.session = session
        self._always_deletes = session.offers.is_389
        self.base = base
        self.sent = cookie
        self.cookie = cookie
        self._search = (base, ldap.SCOPE_SUBTREE, filter, list(attributes))

    def cookie_only(self) -> str | None:
        """The cookie of a search that finds nothing; None when this part of the tree has no content synchronisation."""
        try:
            for _ in self._messages():
                pass
        except (ldap.UNAVAILABLE_CRITICAL_EXTENSION, ldap.UNWILLING_TO_PERFORM):
            return None
        except ldap.LDAPError as error:
            raise errors.reading(self.session.system, self.session.settings.url, self.base, error) from None
        return self.cookie

    def events(self) -> Iterator[Event]:
        """Entries that changed and entries that are gone.

        Raises `WatermarkExpired` when the server tells what is still there instead of what is gone (section 3.3.1):
        who keeps nothing between sessions cannot tell the rest from it. And when the server does not know the
        cookie (OpenLDAP after a crash: "consumer state is newer than provider"), or does not come to the end.
        """
        try:
            yield from self._messages()
        except ldap.LDAPError as error:
            told = errors.reading(self.session.system, self.session.settings.url, self.base, error)
            if isinstance(told, IncompleteRead):
                told = WatermarkExpired(f"{told.message} Everything is read instead.")
            raise told from None

    def _messages(self) -> Iterator[Event]:
        connection: Any = self.session.connection
        number = connection.search_ext(*self._search, serverctrls=[controls.sync_request(self.sent)])
        done: controls.SyncDone | None = None
        while done is None:
            kind, found, _, answered, _, _ = connection.result4(
                number, 0, self.session.settings.timeout, 1, 1, 0, controls.RESPONSES
            )
            if kind == ldap.RES_SEARCH_RESULT:
                done = next((one for one in answered if isinstance(one, controls.SyncDone)), controls.SyncDone())
            for dn, entry, parts in found or ():
                if kind == ldap.RES_INTERMEDIATE:
                    info = controls.sync_info(entry) if dn == controls.SYNC_INFO else controls.SyncInfo()
                    if info.present and self.sent is not None:
                        connection.abandon(number)
                        raise self._expired()
                    for uuid in info.deleted:
                        yield Event("", {}, uuid, True)
                elif kind == ldap.RES_SEARCH_ENTRY:
                    state = next(one for one in parts if isinstance(one, controls.SyncState))
                    if state.state == controls.SyncState.PRESENT and self.sent is not None:
                        connection.abandon(number)
                        raise self._expired()
                    yield Event(dn, entry, state.uuid, state.state == controls.SyncState.DELETE)
        told = done.refresh_deletes or self._always_deletes
        if self.sent is not None and not told and done.cookie not in (None, self.sent):
            raise self._expired()
        self.cookie = done.cookie or self.cookie

    def _expired(self) -> WatermarkExpired:
        return WatermarkExpired(
            f"{self.session.system}: the server no longer knows what was deleted below {self.base!r} since the last "
            "read. (OpenLDAP: a longer olcSpSessionlog on the syncprov overlay remembers more.)"
        )
