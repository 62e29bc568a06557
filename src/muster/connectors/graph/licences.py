"""Licences of users: Graph takes them by an action of its own, after everything else, for they need a usage location.

https://learn.microsoft.com/graph/api/user-assignlicense
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from muster.connectors.graph import wire
from muster.connectors.graph.resources import GraphType
from muster.connectors.graph.session import Answer, Request
from muster.model.changes import Change
from muster.model.values import convert, items

LICENCES: Final = "assignedLicenses"
Assigning: TypeAlias = "Generator[Sequence[Request], list[Answer], Answer | None]"


def touched(change: Change) -> bool:
    """Whether the change says what licences somebody has."""
    return any(LICENCES in part for part in (change.values, change.add, change.remove))


def assign(change: Change, kind: GraphType, anchor: str, resource: Mapping[str, Any]) -> Assigning:
    """Give and take what is not as wanted; ends with the answer that refuses it. Raises `WrongType`.

    `resource`: the user with the licences that are there; those that stay keep their disabled service plans.
    """
    if not touched(change):
        return None
    attribute = kind.attribute(LICENCES)
    have = items(convert(wire.shown_at(kind, resource, LICENCES), attribute))
    if LICENCES in change.values:
        want = items(convert(change.values[LICENCES], attribute))
    else:
        add, remove = change.add.get(LICENCES, ()), change.remove.get(LICENCES, ())
        want = items(wire.merged(kind, LICENCES, resource, add, remove))
    had, wanted = ({str(one).lower() for one in some} for some in (have, want))
    if had == wanted:
        return None
    body = {
        "addLicenses": [{"skuId": one, "disabledPlans": []} for one in sorted(wanted - had)],
        "removeLicenses": sorted(had - wanted),
    }
    (answer,) = yield [Request("POST", f"{kind.path(anchor)}/assignLicense", body)]
    return None if answer.good else answer
