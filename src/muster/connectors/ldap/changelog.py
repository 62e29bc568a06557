"""The changelog below cn=changelog (draft-good-ldap-changelog), as 389 Directory Server keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from muster.connectors.ldap.session import Offers, Session
from muster.connectors.ldap.touched import Touched
from muster.connectors.ldap.wire import Entry
from muster.model.errors import WatermarkExpired

_IDS: Final[Mapping[str, str]] = {"targetuniqueid": "nsuniqueid", "targetentryuuid": "entryuuid"}
"""Where a change names what it changed → the attribute of that which holds the same."""
_ASKED: Final = ["targetDn", "changeType", "newSuperior", *_IDS]


def since(session: Session, at: Any) -> tuple[list[Touched], int]:
    """What the changelog names after change number `at`, and the number at which it ends now.

    Raises `WatermarkExpired` when the log was trimmed or begun anew since.
    """
    offers = session.fresh_offers()
    if not isinstance(at, int) or offers.changelog is None:
        raise WatermarkExpired(f"{session.system}: the server no longer keeps a changelog.")
    reaches(session.system, offers, at)
    touched: list[Touched] = []
    if offers.last_change > at:
        for page in session.pages(offers.changelog, f"(changeNumber>={at + 1})", _ASKED):
            touched.extend(_touched(entry) for dn, entry in page if dn is not None)
    return touched, offers.last_change


def reaches(system: str, offers: Offers, at: int) -> None:
    """Whether the log still has everything after change number `at`; raises `WatermarkExpired` when not."""
    if offers.last_change < at or (offers.last_change > at and offers.first_change > at + 1):
        raise WatermarkExpired(
            f"{system}: the changelog goes from {offers.first_change} to {offers.last_change}; the last read ended at "
            f"{at}. (389 DS: a longer nsslapd-changelogmaxage keeps more.)"
        )


def _touched(entry: Entry) -> Touched:
    told = {name.lower(): values[0].decode("utf-8", "replace") for name, values in entry.items() if values}
    how = told.get("changetype", "").lower()
    return Touched(
        dn=told.get("targetdn", ""),
        ids={ours: told[theirs] for theirs, ours in _IDS.items() if theirs in told},
        renamed=how in ("modrdn", "moddn"),
        into=told.get("newsuperior", ""),
        deleted=how == "delete",
    )
