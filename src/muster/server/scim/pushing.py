"""Which part of a filter the system itself can answer, so that little is read. Pure.

Whatever the system finds is tested again with the whole filter: what is pushed down may find too much, not too little.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scim2_models.path import AttrPath, CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator, ValuePath

from muster.model.schema import ENABLED
from muster.model.values import Scalar, Type, Value, WrongType, convert, items
from muster.server.scim.places import ItemPart, Line, Referred
from muster.server.scim.resource_type import ResourceType


@dataclass(frozen=True, slots=True)
class Sought:
    """What to ask the system for. One of: `numbers` (ids), `equal` (all of these values), `anyone` (one of these).

    `members`: ids of which a resource must have every one as its member. `nothing`: there cannot be such a resource.
    """

    numbers: tuple[str, ...] | None = None
    equal: dict[str, Value] = field(default_factory=dict)
    anyone: tuple[str, tuple[Scalar, ...]] | None = None
    members: tuple[str, ...] = ()
    nothing: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing could be pushed down: all has to be read."""
        return self.numbers is None and not self.equal and self.anyone is None and not self.members


def sought(node: FilterNode, kind: ResourceType) -> Sought:
    """What of the filter can be asked for."""
    terms = list(node.terms) if isinstance(node, LogicalExpr) and node.op is LogicalOperator.and_ else [node]
    numbers: tuple[str, ...] | None = None
    equal: dict[str, Value] = {}
    members: list[str] = []
    for term in terms:
        pair = _pair(term, kind)
        if pair is None:
            continue
        name, value = pair
        if name == "id":
            if numbers is not None and numbers != (str(value),):
                return Sought(nothing=True)
            numbers = (str(value),)
        elif name == "members":
            members.append(str(value))
        elif isinstance(name, Line):
            # A second value of the same attribute stays for the test.
            equal.setdefault(name.name, value)
    if numbers is not None or equal or members:
        return Sought(numbers, {} if numbers is not None else equal, members=tuple(members))
    return _anyone(node, kind) if isinstance(node, LogicalExpr) and node.op is LogicalOperator.or_ else Sought()


def member_only(node: FilterNode, kind: ResourceType) -> bool:
    """Whether the filter asks for members in a way that pushing down answers wholly: only with `and`, only `eq`."""
    terms = list(node.terms) if isinstance(node, LogicalExpr) and node.op is LogicalOperator.and_ else [node]
    return all(_pair(one, kind) is not None or not _about_members(one) for one in terms)


def without_members(node: FilterNode, kind: ResourceType) -> FilterNode | None:
    """The filter without what is asked of members."""
    terms = list(node.terms) if isinstance(node, LogicalExpr) and node.op is LogicalOperator.and_ else [node]
    left = tuple(one for one in terms if (pair := _pair(one, kind)) is None or pair[0] != "members")
    if not left:
        return None
    return left[0] if len(left) == 1 else LogicalExpr(op=LogicalOperator.and_, terms=left)


def _about_members(node: FilterNode) -> bool:
    if isinstance(node, LogicalExpr):
        return any(_about_members(one) for one in node.terms)
    path = getattr(node, "attr_path", None)
    if isinstance(path, AttrPath):
        return path.attr.lower() == "members"
    inner = getattr(node, "expr", None)
    return isinstance(inner, FilterNode) and _about_members(inner)


def _anyone(node: LogicalExpr, kind: ResourceType) -> Sought:
    pairs = [_pair(one, kind) for one in node.terms]
    if any(pair is None for pair in pairs):
        return Sought()
    found = [pair for pair in pairs if pair is not None]
    if all(name == "id" for name, _ in found):
        return Sought(tuple(dict.fromkeys(str(value) for _, value in found)))
    names = {name.name if isinstance(name, Line) else "" for name, _ in found}
    if len(names) != 1 or "" in names:
        return Sought()
    return Sought(anyone=(names.pop(), tuple(value for _, value in found)))


def _pair(node: FilterNode, kind: ResourceType) -> tuple[Line | str, Scalar] | None:
    """An attribute of the system and the value that it must equal; None where the term is not of that kind."""
    if isinstance(node, ValuePath):
        return _chosen(node, kind)
    if not isinstance(node, Comparison) or node.op is not CompareOperator.eq or node.value is None:
        return None
    path = node.attr_path
    extension = path.uri or ""
    if extension.lower() == kind.schema.lower():
        extension = ""
    name = path.attr.lower()
    if not extension and name == "id":
        return "id", node.value
    if not extension and name == "members" and kind.members is not None:
        return ("members", node.value) if path.sub_attr in (None, "value") else None
    line = next(
        (
            one
            for one in (kind.line_at(extension, path.attr, path.sub_attr), kind.line_at(extension, path.attr, "value"))
            if one is not None
        ),
        None,
    )
    return None if line is None else _asked(line, node.value)


def _chosen(node: ValuePath, kind: ResourceType) -> tuple[Line | str, Scalar] | None:
    """`emails[type eq "work" and value eq "x"]` and `members[value eq "x"]`."""
    inner = node.val_filter
    terms = list(inner.terms) if isinstance(inner, LogicalExpr) and inner.op is LogicalOperator.and_ else [inner]
    wanted: dict[str, Scalar] = {}
    for one in terms:
        if not isinstance(one, Comparison) or one.op is not CompareOperator.eq or one.value is None:
            return None
        wanted[one.attr_path.attr.lower()] = one.value
    if node.attr_path.attr.lower() == "members" and kind.members is not None:
        return ("members", wanted["value"]) if set(wanted) == {"value"} else None
    for line in kind.lines:
        place = line.place
        if (
            isinstance(line, ItemPart)
            and place.attribute.lower() == node.attr_path.attr.lower()
            and place.key is not None
            and place.is_item({place.key: wanted.get(place.key.lower())})
            and (place.part or "value").lower() in wanted
        ):
            return _asked(line, wanted[(place.part or "value").lower()])
    return None


def _asked(line: Line, value: Scalar) -> tuple[Line | str, Scalar] | None:
    """The question, where the system's own equality is as wide as SCIM's."""
    attribute = line.attribute
    if isinstance(line, Referred) and attribute.type is Type.REFERENCE:
        return None
    try:
        found = items(convert(value, attribute))
    except WrongType:
        return None
    if len(found) != 1 or attribute.type is Type.DATETIME:
        return None
    if line.name == ENABLED and not found[0]:
        # Some systems know more ways of being switched off than one value.
        return None
    return line, found[0]
