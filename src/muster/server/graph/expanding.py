"""`$expand`: what an object refers to, shown with it; twenty at most of a list, as in Graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from muster.directory.edges import Relation
from muster.directory.neighbours import all_members, by_number, groups_around, members, owners
from muster.directory.objects import Entry
from muster.directory.schema.kinds import Kind
from muster.directory.work import Work
from muster.server.graph.call import Call
from muster.server.graph.errors import bad_request
from muster.server.graph.limited import shown_to
from muster.server.graph.odata.options import Expansion
from muster.server.graph.show import ALL, selected

MOST: Final = 20
"""Objects of an expanded list."""
_DEEPEST: Final = 1000
"""Managers of managers."""

Listing = Callable[[Work, Entry], Sequence[Entry]]


def _forward(relation: Relation) -> Listing:
    return lambda work, entry: members(work, relation, entry, MOST).entries


def _backward(relation: Relation) -> Listing:
    return lambda work, entry: owners(work, relation, entry, MOST).entries


def _around(work: Work, entry: Entry) -> Sequence[Entry]:
    return by_number(work, groups_around(work, entry)[:MOST])


_LISTS: Final[Mapping[Kind, Mapping[str, Listing]]] = {
    Kind.USER: {
        "directReports": _backward(Relation.MANAGER),
        "memberOf": _backward(Relation.MEMBERS),
        "transitiveMemberOf": _around,
        "ownedObjects": _backward(Relation.OWNERS),
        "ownedDevices": _backward(Relation.REGISTERED_OWNERS),
        "registeredDevices": _backward(Relation.REGISTERED_USERS),
    },
    Kind.GROUP: {
        "members": _forward(Relation.MEMBERS),
        "owners": _forward(Relation.OWNERS),
        "memberOf": _backward(Relation.MEMBERS),
        "transitiveMembers": lambda work, entry: all_members(work, entry, MOST).entries,
        "transitiveMemberOf": _around,
    },
    Kind.DEVICE: {
        "registeredOwners": _forward(Relation.REGISTERED_OWNERS),
        "registeredUsers": _forward(Relation.REGISTERED_USERS),
        "memberOf": _backward(Relation.MEMBERS),
        "transitiveMemberOf": _around,
    },
    Kind.CONTACT: {
        "directReports": _backward(Relation.MANAGER),
        "memberOf": _backward(Relation.MEMBERS),
        "transitiveMemberOf": _around,
    },
}


def expanded(call: Call, entry: Entry, body: dict[str, Any], *, single: bool = False) -> dict[str, Any]:
    """The object as it is shown, with what `$expand` asks for. Raises `GraphError`."""
    for wanted in call.options.expand:
        lists = _LISTS[entry.kind]
        name = next((known for known in (*lists, "manager") if known.lower() == wanted.name.lower()), None)
        if name == "manager" and entry.kind in (Kind.USER, Kind.CONTACT):
            body["manager"] = _manager(call, entry, wanted, wanted.levels if single else 1)
        elif name in lists:
            names = selected(ALL, wanted.select)
            body[str(name)] = [shown_to(call, one, names) for one in lists[str(name)](call.work, entry)]
        else:
            raise bad_request(
                "Parsing OData Select and Expand failed: Could not find a property named "
                f"'{wanted.name}' on type 'microsoft.graph.{entry.schema.name}'."
            )
    return body


def _manager(call: Call, entry: Entry, wanted: Expansion, levels: int) -> dict[str, Any] | None:
    """The manager, with their own inside as far as was asked for; somebody met before ends the line."""
    names = selected(ALL, wanted.select)
    chain: list[Entry] = []
    met = {entry.id}
    while len(chain) < (levels or _DEEPEST):
        found = members(call.work, Relation.MANAGER, chain[-1] if chain else entry, 1).entries
        if not found or found[0].id in met:
            break
        met.add(found[0].id)
        chain.append(found[0])
    body: dict[str, Any] | None = None
    for one in reversed(chain):
        body = {**shown_to(call, one, names), **({"manager": body} if body is not None else {})}
    return body
