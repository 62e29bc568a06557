"""Whether a controller still has the history that an earlier read saw.

Restored as a backup program does it, a controller counts its changes (uSNChanged) under a new invocationId. Put back
to a snapshot, it keeps its invocationId and gives the same numbers to other changes: what is asked for "since" a later
number is missed for good. So a mark remembers, for each controller, its invocationId, its highestCommittedUSN, and one
of the last objects that it had changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import ldap

from muster.connectors.active_directory.domain import Domain
from muster.connectors.active_directory.forms import Guid, guid_text
from muster.connectors.active_directory.schema import ANCHOR
from muster.connectors.ldap import requests
from muster.connectors.ldap.controls import Request
from muster.model.errors import WentBack

SHOW_DELETED: Final = Request("1.2.840.113556.1.4.417", critical=True)
_CHANGED: Final = "uSNChanged"
_NEAR: Final = 100
"""Among so many last numbers a changed object is looked for; not every number belongs to one."""


def seen(domain: Domain, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What was seen of the domain's controllers, this one as it is now."""
    controller = domain.controller()
    now = domain.fresh_root().usn
    return {
        **(before or {}),
        controller.guid: {"of": controller.invocation, "usn": now, "last": _last_changed(domain, now)},
    }


def unbroken(domain: Domain, before: Mapping[str, Any]) -> None:
    """Raises `WentBack` when the controller has lost what was seen of it before."""
    controller = domain.controller()
    known = before.get(controller.guid)
    if known is None:
        return
    where = f"{domain.system}: the domain controller {domain.url}"
    if known["of"] != controller.invocation:
        raise WentBack(f"{where} was restored from a backup since the last read (it has another invocationId).")
    why = (
        "It was put back to a snapshot, and changes made since that are lost there. Have the domain's administrators "
        "look at it: other controllers may not replicate with it any more."
    )
    if domain.root.usn < known["usn"]:
        raise WentBack(
            f"{where} has counted {domain.root.usn} changes (highestCommittedUSN), and {known['usn']} at the last "
            f"read. {why}"
        )
    if known["last"] is not None and not _still_changed(domain, *known["last"]):
        raise WentBack(f"{where} no longer knows its change {known['last'][1]}, which the last read saw. {why}")


def _last_changed(domain: Domain, now: int) -> list[Any] | None:
    """The object with the highest uSNChanged and that number; None where no near number belongs to one."""
    asked = f"({_CHANGED}>={max(now - _NEAR, 1)})"
    found = domain.session.search(domain.root.base, ldap.SCOPE_SUBTREE, asked, [ANCHOR, _CHANGED], [SHOW_DELETED])
    numbers = [(int(entry[_CHANGED][0]), guid_text(entry[ANCHOR][0])) for _, entry in found if _CHANGED in entry]
    if not numbers:
        return None
    number, guid = max(numbers)
    return [guid, number]


def _still_changed(domain: Domain, guid: str, number: int) -> bool:
    guids = requests.octets(Guid().stored(guid))
    asked = f"(&({ANCHOR}={guids})({_CHANGED}>={number}))"
    return bool(domain.session.search(domain.root.base, ldap.SCOPE_SUBTREE, asked, ["1.1"], [SHOW_DELETED]))
