"""Several changes of one object, told as one."""

from __future__ import annotations

from typing import Any


def combined(first: dict[str, Any], then: dict[str, Any]) -> dict[str, Any] | None:
    """Two changes of one object as one; None when they undo each other."""
    created = first["action"] == "create"
    if then["action"] == "delete":
        return None if created else then
    if first["action"] == "delete":
        return then
    attributes = {name: dict(entry) for name, entry in first["attributes"].items()}
    for name, entry in then["attributes"].items():
        both = _both(attributes.pop(name, None), entry, created)
        if both is not None:
            attributes[name] = both
    if created:
        return {**first, "attributes": attributes}
    if not attributes:
        return None
    disables = attributes.get("enabled", {}).get("to") is False
    return {**then, "action": "disable" if disables else "update", "attributes": attributes, "anchor": first["anchor"]}


def _both(had: dict[str, Any] | None, then: dict[str, Any], created: bool) -> dict[str, Any] | None:
    """Two changes of one attribute as one; None when nothing is left of them."""
    if had is None:
        return dict(then)
    if "to" in then:
        both = {**then, "from": had["from"]} if "from" in had else dict(then)
        return None if "from" in both and both["from"] == both["to"] and not created else both
    if "to" in had:
        kept = [one for one in had["to"] or () if one not in then["remove"]]
        return {**had, "to": [*kept, *(one for one in then["add"] if one not in kept)]}
    add = [one for one in had["add"] if one not in then["remove"]]
    add += [one for one in then["add"] if one not in had["remove"] and one not in add]
    remove = [one for one in had["remove"] if one not in then["add"]]
    remove += [one for one in then["remove"] if one not in had["add"] and one not in remove]
    return {**had, "add": add, "remove": remove} if add or remove else None
