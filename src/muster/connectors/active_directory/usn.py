"""What changed on one controller since a number of its changes (uSNChanged), deletions among it.

It says which objects changed, not what of them, and only on the controller that counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from muster.connectors.active_directory.dirsync import DELETED, Event
from muster.connectors.active_directory.domain import Domain
from muster.connectors.active_directory.following import EVERYTHING, Follower
from muster.connectors.active_directory.forms import guid_text
from muster.connectors.active_directory.history import SHOW_DELETED
from muster.connectors.active_directory.primary import NUMBER
from muster.connectors.active_directory.schema import ANCHOR
from muster.model.errors import WatermarkExpired
from muster.model.objects import Page


def changed(domain: Domain, follower: Follower, mark: Mapping[str, Any]) -> Iterator[Page]:
    """What changed after the mark. Raises `WatermarkExpired` on another controller than the one that counted."""
    after = mark.get("at")
    if not isinstance(after, int) or not mark.get("of") or mark["of"] != domain.controller().invocation:
        raise WatermarkExpired(
            f"{domain.system}: changes since the last read are counted by another domain controller."
        )
    asked = f"(&{follower.broad_filter}(uSNChanged>={after + 1}))"
    for page in domain.session.pages(domain.root.base, asked, [ANCHOR, DELETED, NUMBER], [SHOW_DELETED]):
        yield from follower.follow(
            [
                Event(
                    dn=dn,
                    guid=guid_text(entry[ANCHOR][0]),
                    names=EVERYTHING,
                    deleted=entry.get(DELETED) == [b"TRUE"],
                    entry={name.lower(): values for name, values in entry.items()},
                )
                for dn, entry in page
                if dn is not None
            ]
        )
    yield from follower.rest()
