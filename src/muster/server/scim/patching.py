"""PATCH (RFC 7644 section 3.5.2), in the RFC's form and as Entra and Okta write it: operations over a resource. Pure.

What is done to the members of a group is told apart, member by member: a group is never read to add one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from scim2_models import InvalidPathException, Path
from scim2_models.path import AttrPath, CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator, ValuePath

from muster.server.scim.definitions import Definition, standard
from muster.server.scim.documents import canonical_value
from muster.server.scim.errors import ScimError, invalid_path, invalid_syntax, invalid_value
from muster.server.scim.filters import item_test, parsed
from muster.server.scim.places import Resource, values_of
from muster.server.scim.resource_type import ResourceType

PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MOST: Final = 1_000
"""Operations in one PATCH."""
LONGEST: Final = 2_048
"""Characters of a path."""
_VERBS: Final = ("add", "remove", "replace")


@dataclass(slots=True)
class MemberChange:
    """What becomes of members: `cleared` before `add` (in order) and `remove`; `chosen`: those that fit are removed."""

    cleared: bool = False
    add: dict[str, None] = field(default_factory=dict)
    remove: dict[str, None] = field(default_factory=dict)
    chosen: list[Callable[[Any], bool]] = field(default_factory=list)

    @property
    def needs_all(self) -> bool:
        """Whether what the group has must be read."""
        return self.cleared or bool(self.chosen)

    @property
    def empty(self) -> bool:
        """Whether nothing is asked."""
        return not (self.cleared or self.add or self.remove or self.chosen)

    def added(self, values: Iterator[str]) -> None:
        """These become members."""
        for one in values:
            self.add[one] = None
            self.remove.pop(one, None)

    def removed(self, values: Iterator[str]) -> None:
        """These are members no longer."""
        for one in values:
            self.add.pop(one, None)
            self.remove[one] = None


@dataclass(slots=True)
class Patched:
    """The resource after the operations, what becomes of members, and the new password where one is set."""

    resource: Resource
    members: MemberChange
    password: str | None = None


@dataclass(frozen=True, slots=True)
class _Operation:
    verb: str
    path: str | None
    value: Any
    has_value: bool


@dataclass(frozen=True, slots=True)
class _Target:
    """Where an operation works: an attribute, some items of it, a part of it or of these; or a whole extension."""

    extension: str
    definition: Definition | None
    items: FilterNode | None = None
    part: Definition | None = None


def patched(kind: ResourceType, resource: Resource, document: Mapping[str, Any]) -> Patched:
    """The resource after a PATCH message; the one given stays as it is. Raises `ScimError`."""
    found = Patched(deepcopy(resource), MemberChange())
    for one in _operations(document):
        if one.path is None:
            _whole(kind, found, one)
        else:
            _apply(kind, found, one, _target(kind, one.path))
    return found


def _operations(document: Mapping[str, Any]) -> list[_Operation]:
    told = {name.lower(): value for name, value in document.items()}
    listed = told.get("operations")
    if not isinstance(listed, list) or not listed:
        raise invalid_syntax("A PATCH needs `Operations`, a list with one operation or more.")
    if len(listed) > MOST:
        raise ScimError(413, f"A PATCH has {MOST} operations at most; this one has {len(listed)}.", "tooMany")
    return [_operation(one) for one in listed]


def _operation(one: Any) -> _Operation:
    if not isinstance(one, Mapping):
        raise invalid_syntax("An operation of a PATCH must be an object.")
    told = {name.lower(): value for name, value in one.items()}
    verb, path = told.get("op"), told.get("path")
    if not isinstance(verb, str) or verb.lower() not in _VERBS:
        raise invalid_syntax(f"`op` must be add, remove or replace, not {str(verb)[:50]!r}.")
    if path is not None and not isinstance(path, str):
        raise invalid_path("`path` must be a text.")
    verb = verb.lower()
    if verb != "remove" and "value" not in told:
        raise invalid_value(f"`{verb}` needs a `value`.")
    if verb == "remove" and not path:
        raise ScimError(400, "`remove` needs a `path`.", "noTarget")
    return _Operation(verb, path or None, told.get("value"), "value" in told)


# --- paths


def _target(kind: ResourceType, text: str) -> _Target | None:
    """What a path names; None for what RFC 7643 knows and this system has no place for. Raises `ScimError`."""
    if len(text) > LONGEST:
        raise invalid_path(f"The path is longer than {LONGEST} characters.")
    if (urn := kind.extension(text)) is not None:
        return _Target(urn, None)
    try:
        node = Path(text).ast
    except InvalidPathException as error:
        raise invalid_path(f"The path {text[:200]!r} is not understood: {error.detail}.") from None
    if isinstance(node, ValuePath):
        parsed(str(node.val_filter))
        path, items, part = node.attr_path, node.val_filter, node.sub_attr
    elif isinstance(node, AttrPath):
        path, items, part = node, None, node.sub_attr
    else:
        raise invalid_path(f"The path {text[:200]!r} compares: it names nothing.")
    extension = path.uri or ""
    core = not extension or extension.lower() == kind.schema.lower()
    urn = "" if core else kind.extension(extension)
    definition = None if urn is None else kind.definition(urn, path.attr)
    known = standard(extension or kind.schema, path.attr)
    if urn is None or definition is None:
        if known is not None:
            return None
        raise invalid_path(f"{kind.name} has no attribute {text[:200]!r}.")
    found = None if part is None else definition.parts.get(part.lower())
    if part is not None and found is None:
        if known is not None and part.lower() in known.parts:
            return None
        raise invalid_path(f"{kind.name} has no attribute {text[:200]!r}.")
    return _Target(urn, definition, items, found)


# --- one operation


def _whole(kind: ResourceType, found: Patched, one: _Operation) -> None:
    """Without a path: the value is a resource, or part of one (RFC 7644 section 3.5.2.1); its keys may be paths."""
    if not isinstance(one.value, Mapping):
        raise invalid_value(f"`{one.verb}` without a `path` needs an object as its value.")
    for name, value in one.value.items():
        if name.lower() in ("schemas", "id", "meta"):
            continue
        target = _target_leniently(kind, name)
        if target is not None:
            _apply(kind, found, _Operation(one.verb, name, value, True), target)


def _target_leniently(kind: ResourceType, name: str) -> _Target | None:
    """As in the body of a POST, an attribute that nobody knows is left out."""
    try:
        return _target(kind, name)
    except ScimError:
        return None


def _apply(kind: ResourceType, found: Patched, one: _Operation, target: _Target | None) -> None:
    if target is None:
        return
    definition = target.definition
    if definition is None:
        _extension(kind, found, one, target.extension)
        return
    if definition.mutability == "readOnly":
        raise ScimError(400, f"{definition.name} is read-only.", "mutability")
    if definition.name == "members" and not target.extension:
        _members(found.members, one, target)
        return
    if definition.name == "password" and not target.extension:
        if one.verb == "remove" or not isinstance(one.value, str):
            raise invalid_value("A password can be set to a text, and not be removed.")
        found.password = one.value
        return
    holder = found.resource
    if target.extension:
        if one.verb == "remove" and target.extension not in holder:
            return
        holder = holder.setdefault(target.extension, {})
    _change(holder, definition, one, target)


def _extension(kind: ResourceType, found: Patched, one: _Operation, urn: str) -> None:
    """A path that names a whole extension."""
    if one.verb == "remove":
        found.resource.pop(urn, None)
        return
    if not isinstance(one.value, Mapping):
        raise invalid_value(f"{urn}: expected an object.")
    for name, value in one.value.items():
        definition = kind.extensions[urn].get(name.lower())
        if definition is not None:
            inner = _Operation(one.verb, name, value, True)
            _apply(kind, found, inner, _Target(urn, definition))


def _change(holder: Resource, definition: Definition, one: _Operation, target: _Target) -> None:
    name = definition.name
    if target.items is not None:
        _change_items(holder, definition, one, target)
    elif target.part is not None:
        _change_part(holder, definition, one, target.part)
    elif one.verb == "remove":
        _remove(holder, definition, one)
    else:
        value = canonical_value(definition, one.value)
        if value is None or value == []:
            holder.pop(name, None)
        elif definition.many:
            _list_into(holder, definition, value, replace=one.verb == "replace")
        elif definition.parts and isinstance(value, Mapping):
            # Both verbs keep the parts that are not mentioned (RFC 7644 sections 3.5.2.1 and 3.5.2.3).
            holder[name] = {**(holder.get(name) or {}), **value}
        else:
            holder[name] = value


def _list_into(holder: Resource, definition: Definition, value: Any, *, replace: bool) -> None:
    name = definition.name
    given = value if isinstance(value, list) else [value]
    given = [{"value": one} if definition.parts and not isinstance(one, Mapping) else one for one in given]
    if replace:
        holder[name] = given
        return
    have = list(holder.get(name) or [])
    for one in given:
        if any(_same(one, other) for other in have):
            continue
        kind = one.get("type") if isinstance(one, Mapping) else None
        typed = definition.parts.get("type")
        if typed is not None and typed.canonical and kind is not None:
            # There is one place for each type: the new value takes it.
            have = [other for other in have if str(other.get("type", "")).lower() != str(kind).lower()]
        if isinstance(one, Mapping) and one.get("primary") is True:
            have = [{**other, "primary": False} for other in have]
        have.append(one)
    holder[name] = have


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(other.get(name) == value for name, value in one.items())
    return bool(one == other)


def _remove(holder: Resource, definition: Definition, one: _Operation) -> None:
    """All of it; with a value, as Entra removes, the items that are like those given."""
    if definition.required and not (definition.many and one.has_value and one.value):
        raise ScimError(400, f"{definition.name} is required: it cannot be removed.", "mutability")
    if not (definition.many and one.has_value and one.value):
        holder.pop(definition.name, None)
        return
    given = one.value if isinstance(one.value, list) else [one.value]
    wanted = [canonical_value(definition, item) for item in given]
    left = [item for item in holder.get(definition.name) or [] if not any(_like(item, gone) for gone in wanted)]
    _put(holder, definition.name, left)


def _like(item: Any, gone: Any) -> bool:
    if isinstance(item, Mapping):
        if isinstance(gone, Mapping):
            keys = [name for name in ("value", "type") if name in gone] or list(gone)
            return all(item.get(name) == gone[name] for name in keys)
        return bool(item.get("value") == gone)
    return bool(item == (gone.get("value") if isinstance(gone, Mapping) else gone))


def _change_part(holder: Resource, definition: Definition, one: _Operation, part: Definition) -> None:
    """`name.givenName`; of a many-valued attribute, of every item."""
    value = None if one.verb == "remove" else canonical_value(part, one.value)
    if part.required and one.verb == "remove":
        raise ScimError(400, f"{definition.name}.{part.name} is required: it cannot be removed.", "mutability")
    if definition.many:
        have = [dict(item) for item in holder.get(definition.name) or []]
        if not have and value is not None:
            have = [{}]
        for item in have:
            _put(item, part.name, value)
        _put(holder, definition.name, [item for item in have if item])
        return
    inner = dict(holder.get(definition.name) or {})
    _put(inner, part.name, value)
    _put(holder, definition.name, inner)


def _change_items(holder: Resource, definition: Definition, one: _Operation, target: _Target) -> None:
    """`emails[type eq "work"]`, `emails[type eq "work"].value`."""
    assert target.items is not None
    if not definition.many:
        raise invalid_path(f"{definition.name} has one value: nothing can be chosen from it.")
    fits = item_test(target.items, definition)
    have = list(holder.get(definition.name) or [])
    chosen = [item for item in have if fits(item)]
    if one.verb == "remove":
        if target.part is None:
            _put(holder, definition.name, [item for item in have if item not in chosen])
        else:
            left = [_without(item, target.part.name) if item in chosen else item for item in have]
            _put(holder, definition.name, [item for item in left if item])
        return
    if not chosen:
        # RFC 7644 has a replace fail here; Entra counts on it making the item.
        made = dict(_named(target.items, definition))
        if not made and one.verb == "replace":
            raise ScimError(400, f"No value of {definition.name} fits {target.items}.", "noTarget")
        have.append(made)
        chosen = [made]
    value = canonical_value(target.part or definition, one.value)
    for at, item in enumerate(have):
        if not any(item is each for each in chosen):
            continue
        changed = dict(item) if isinstance(item, Mapping) else {"value": item}
        if target.part is not None:
            _put(changed, target.part.name, value)
        elif isinstance(value, Mapping):
            changed |= value
        else:
            changed["value"] = value
        have[at] = changed
    _put(holder, definition.name, have)


def _without(item: Any, part: str) -> Any:
    """The item without a part; nothing when only what tells it apart is left."""
    left = {name: value for name, value in item.items() if name != part}
    return left if set(left) - {"type", "primary"} else None


def _named(node: FilterNode, definition: Definition) -> Iterator[tuple[str, Any]]:
    """What an item must be for the filter to choose it, as far as it says so with `eq` and `and`."""
    if isinstance(node, LogicalExpr) and node.op is LogicalOperator.and_:
        for one in node.terms:
            yield from _named(one, definition)
    elif isinstance(node, Comparison) and node.op is CompareOperator.eq:
        part = definition.parts.get(node.attr_path.attr.lower())
        if part is not None:
            yield part.name, canonical_value(part, node.value)


def _put(holder: Resource, name: str, value: Any) -> None:
    if value is None or value in ([], {}):
        holder.pop(name, None)
    else:
        holder[name] = value


# --- members


def _members(change: MemberChange, one: _Operation, target: _Target) -> None:
    if target.items is not None:
        _chosen_members(change, one, target)
        return
    if target.part is not None and one.verb != "add":
        raise invalid_path("Members can be added and removed, not changed.")
    if one.verb == "remove":
        if one.has_value and one.value:
            change.removed(_ids(one.value))
        else:
            change.cleared, change.add, change.remove = True, {}, {}
        return
    if one.verb == "replace":
        change.cleared, change.add, change.remove = True, {}, {}
    if one.value:
        change.added(_ids(one.value))


def _chosen_members(change: MemberChange, one: _Operation, target: _Target) -> None:
    assert target.items is not None
    if one.verb != "remove" or target.part is not None:
        raise invalid_path("Members can be added and removed, not changed.")
    ids = list(_members_named(target.items))
    if ids:
        change.removed(iter(ids))
    elif target.definition is not None:
        change.chosen.append(item_test(target.items, target.definition))


def _members_named(node: FilterNode) -> Iterator[str]:
    """The ids of `members[value eq "x" or value eq "y"]`; nothing for any other filter."""
    terms = node.terms if isinstance(node, LogicalExpr) and node.op is LogicalOperator.or_ else (node,)
    found: list[str] = []
    for one in terms:
        if not isinstance(one, Comparison) or one.op is not CompareOperator.eq or one.attr_path.attr.lower() != "value":
            return
        found.append(str(one.value))
    yield from found


def _ids(value: Any) -> Iterator[str]:
    listed = value if isinstance(value, list) else [value]
    return (str(one) for one in values_of([_lowered(item) for item in listed], "members"))


def _lowered(item: Any) -> Any:
    return {name.lower(): value for name, value in item.items()} if isinstance(item, Mapping) else item
