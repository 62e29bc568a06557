"""Two servers over the same systems, compared: what each would do, and whom it takes each object for.

Pure: two pictures (see picture.py) in, one document out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from muster.app.comparing_joins import Same, join_differences, same_people
from muster.app.picture import Picture
from muster.sync.plan_document import plan_key

Change = Mapping[str, Any]
Key = tuple[str, tuple[str, str, str | None]]

KINDS: Final = ("both", "differing", "only_staging", "only_active")
"""How a change may stand in two plans: the same in both, in both with another action or other values, in one alone."""


def compare(staging: Picture, active: Picture) -> dict[str, Any]:
    """What both would change, what only one would, what they would make different, and where their joins disagree."""
    people = same_people(staging, active)
    here = {_key(change, people): change for change in staging["plan"]["changes"]}
    there = {_key(change): change for change in active["plan"]["changes"]}
    found: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for key, change in here.items():
        other = there.get(key)
        if other is None:
            found["only_staging"].append(change)
            continue
        different = _different(change, other)
        if different is None:
            found["both"].append(change)
        else:
            found["differing"].append(_pair(change, other, different))
    found["only_active"].extend(change for key, change in there.items() if key not in here)
    joins, notes = join_differences(staging, active, people)
    both = [("staging", staging["plan"]), ("active", active["plan"])]
    return {
        "staging": _server(staging),
        "active": _server(active),
        "summary": _summary(found),
        **found,
        "joins": joins,
        "held": [{**problem, "server": side} for side, plan in both for problem in plan["held"]],
        "errors": [
            *_two_active(staging, active),
            *({**problem, "server": side} for side, plan in both for problem in plan["errors"]),
        ],
        "notes": notes,
    }


def _key(change: Change, people: Same | None = None) -> Key:
    """What ties a change of one server to one of the other: the system, the mapping, and whose object it is."""
    whose = people.of(change["identity"]) if people is not None else change["identity"]
    return change["system"], plan_key({**change, "identity": whose})


def _different(change: Change, other: Change) -> Mapping[str, Any] | None:
    """The attributes that would not become the same, each with what either server would make of it; None: all would.

    What stands in the system before is no difference: one of the servers has only read it later.
    """
    ours, theirs = change["attributes"], other["attributes"]
    names = [*ours, *(name for name in theirs if name not in ours)]
    found = {
        name: {"staging": ours.get(name), "active": theirs.get(name)}
        for name in names
        if _becomes(ours.get(name)) != _becomes(theirs.get(name))
    }
    same = change["action"] == other["action"] and (change["anchor"] == other["anchor"] or change["action"] == "create")
    return None if same and not found else found


def _becomes(entry: Mapping[str, Any] | None) -> Any:
    """What a change makes of an attribute, whatever it was, in an order of no meaning."""
    if entry is None:
        return None
    if "to" in entry:
        return ("to", _sorted(entry["to"]))
    return ("edges", _sorted(entry["add"]), _sorted(entry["remove"]))


def _sorted(value: Any) -> Any:
    return sorted(value, key=lambda one: (type(one).__name__, str(one))) if isinstance(value, list) else value


def _pair(change: Change, other: Change, different: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: change[name] for name in ("system", "object_type", "anchor", "identity", "name")},
        "attributes": different,
        "staging": change,
        "active": other,
    }


def _summary(found: Mapping[str, Sequence[Change]]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for kind in KINDS:
        for change in found[kind]:
            counts.setdefault(change["system"], dict.fromkeys(KINDS, 0))[kind] += 1
    return dict(sorted(counts.items()))


def _server(found: Picture) -> dict[str, Any]:
    return {name: found[name] for name in ("project", "folder", "at", "server")}


def _two_active(staging: Picture, active: Picture) -> Iterator[dict[str, Any]]:
    """Two servers that both write would undo each other's changes for ever."""
    if staging["server"]["role"] == active["server"]["role"] == "active":
        message = (
            f"both servers write to the systems: {staging['folder']} and {active['folder']}. Stop one of them: "
            "muster staging demote"
        )
        yield {
            "kind": "two-active",
            "system": "",
            "object_type": "",
            "anchor": None,
            "identities": [],
            "message": message,
            "server": "staging",
        }
