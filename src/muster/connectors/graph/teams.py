"""The team of a Microsoft 365 group: made once the group has its owners, for without one Graph makes none.

https://learn.microsoft.com/graph/api/team-put-teams
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from muster.connectors.graph import wire
from muster.connectors.graph.answers import refusal
from muster.connectors.graph.resources import GraphType
from muster.connectors.graph.session import Answer, Request
from muster.model.changes import Change

TEAM: Final = "team"
Making: TypeAlias = "Generator[Sequence[Request], list[Answer], str | None]"
_NOT_KNOWN_YET: Final = (
    "Microsoft's teams may not know a new group for some minutes, and make none without an owner: the next run tries "
    "again"
)


def make(change: Change, kind: GraphType, anchor: str, resource: Mapping[str, Any]) -> Making:
    """Give the group a team if it should have one and `resource` shows none; ends with what stands in the way."""
    if TEAM not in change.values:
        return None
    wanted, has = change.values[TEAM] is True, wire.shown_at(kind, resource, TEAM) is True
    if wanted == has:
        return None
    if has:
        return f"{TEAM}: Graph takes no team away from its group: delete the group, or leave `{TEAM}` out"
    where = f"{kind.path(anchor)}/team"
    (answer,) = yield [Request("PUT", where, {})]
    if answer.good:
        return None
    words = refusal(where, answer).removesuffix(".")
    return f"{words}. {_NOT_KNOWN_YET}" if answer.status == 404 else words
