"""Filters (RFC 7644 section 3.4.2.2): read within limits, and evaluated over a resource. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from muster.model.errors import MusterError
from muster.model.values import WrongType, parse_instant
from muster.server.scim.definitions import Definition
from muster.server.scim.errors import invalid_filter
from muster.server.scim.resource_type import ResourceType

LONGEST: Final = 8_192
"""Characters of a filter."""
MOST: Final = 64
"""Comparisons in a filter: each is made with every resource that is looked at."""
DEEPEST: Final = 24
"""Expressions inside each other, parentheses too."""
Test = Callable[[Mapping[str, Any]], bool]
_ORDERED: Final = frozenset({CompareOperator.gt, CompareOperator.ge, CompareOperator.lt, CompareOperator.le})
_TEXTS: Final = frozenset({CompareOperator.co, CompareOperator.sw, CompareOperator.ew})


def parsed(text: str) -> FilterNode:
    """The filter. Raises `ScimError` for what is none, and for one that is too long, too deep or too much."""
    if len(text) > LONGEST:
        raise invalid_filter(f"The filter is longer than {LONGEST} characters.")
    _refuse_deep(text)
    try:
        found: FilterNode = ScimFilter(text).ast
    except InvalidFilterException as error:
        raise invalid_filter(f"The filter is not understood: {error.detail}.") from None
    except RecursionError:
        raise invalid_filter("The filter is nested too deep.") from None
    count = sum(1 for _ in comparisons(found))
    if count > MOST:
        raise invalid_filter(f"The filter has {count} comparisons; {MOST} are allowed.")
    return found


def _refuse_deep(text: str) -> None:
    depth = deepest = 0
    quoted = escaped = False
    for one in text:
        if quoted:
            quoted = escaped or one != '"'
            escaped = one == "\\" and not escaped
        elif one == '"':
            quoted = True
        elif one in "([":
            depth += 1
            deepest = max(deepest, depth)
        elif one in ")]":
            depth -= 1
    if deepest > DEEPEST:
        raise invalid_filter(f"The filter is nested deeper than {DEEPEST} levels.")


def comparisons(node: FilterNode) -> Iterator[tuple[AttrPath, Comparison | Present]]:
    """Every comparison with the attribute that it is about."""
    if isinstance(node, LogicalExpr):
        for one in node.terms:
            yield from comparisons(one)
    elif isinstance(node, Not):
        yield from comparisons(node.expr)
    elif isinstance(node, ValuePath):
        yield from ((node.attr_path, one) for _, one in comparisons(node.val_filter))
    elif isinstance(node, Comparison | Present):
        yield node.attr_path, node


def tested(node: FilterNode, kind: ResourceType) -> Test:
    """The test that the filter is, for resources of this type. An attribute that the type lacks is never there."""
    return _test(node, lambda path: _reader(kind, path))


Reader = tuple[Callable[[Mapping[str, Any]], list[Any]], "Definition | None"]


def _test(node: FilterNode, read: Callable[[AttrPath], Reader]) -> Test:
    if isinstance(node, LogicalExpr):
        tests = [_test(one, read) for one in node.terms]
        both = node.op is LogicalOperator.and_
        return (lambda r: all(one(r) for one in tests)) if both else (lambda r: any(one(r) for one in tests))
    if isinstance(node, Not):
        inner = _test(node.expr, read)
        return lambda r: not inner(r)
    if isinstance(node, Present):
        values, _ = read(node.attr_path)
        return lambda r: any(_is_present(one) for one in values(r))
    if isinstance(node, ValuePath):
        values, definition = read(node.attr_path)
        chosen = item_test(node.val_filter, definition)
        return lambda r: any(chosen(one) for one in values(r))
    if isinstance(node, Comparison):
        return _comparison(node, *read(node.attr_path))
    raise invalid_filter(f"{type(node).__name__} is not understood in a filter.")


def item_test(node: FilterNode, definition: Definition | None) -> Callable[[Any], bool]:
    """The test that a filter in brackets is, for one value of a many-valued attribute."""
    parts = definition.parts if definition is not None else {}

    def read(path: AttrPath) -> Reader:
        part = parts.get(path.attr.lower())
        name = part.name if part is not None else path.attr
        if not parts and path.attr.lower() == "value":
            return (lambda item: [item] if not isinstance(item, Mapping) else _listed(item.get("value"))), definition
        return (lambda item: _listed(item.get(name)) if isinstance(item, Mapping) else []), part

    return _test(node, read)


def _reader(kind: ResourceType, path: AttrPath) -> Reader:
    extension = path.uri or ""
    core = extension.lower() == kind.schema.lower()
    urn = "" if core or not extension else kind.extension(extension)
    definition = None if urn is None else kind.definition(urn, path.attr)
    if urn is None or definition is None:
        return (lambda _: []), None
    name, place = definition.name, urn
    if path.sub_attr is not None:
        part = definition.parts.get(path.sub_attr.lower())
        inner = part.name if part is not None else path.sub_attr
        return (lambda r: [v for one in _at(r, place, name) for v in _part(one, inner)]), part
    if definition.parts and "value" in definition.parts:
        return (lambda r: _at(r, place, name)), definition
    return (lambda r: _at(r, place, name)), definition


def _at(resource: Mapping[str, Any], extension: str, name: str) -> list[Any]:
    holder = resource.get(extension) if extension else resource
    return _listed(holder.get(name)) if isinstance(holder, Mapping) else []


def _part(item: Any, name: str) -> list[Any]:
    return _listed(item.get(name)) if isinstance(item, Mapping) else []


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _is_present(value: Any) -> bool:
    return any(_is_present(one) for one in value.values()) if isinstance(value, Mapping) else value not in (None, "")


# --- one comparison


def _comparison(node: Comparison, values: Callable[[Mapping[str, Any]], list[Any]], of: Definition | None) -> Test:
    part = of.parts.get("value", of) if of is not None and of.parts else of
    operator, wanted = node.op, node.value
    if part is not None and part.type == "boolean":
        if operator in _ORDERED:
            raise invalid_filter(f"{node.attr_path} is true or false: it has no order.")
        if isinstance(wanted, str) and wanted.lower() in ("true", "false"):
            wanted = wanted.lower() == "true"
    if operator in _TEXTS and not isinstance(wanted, str):
        raise invalid_filter(f"{node.attr_path} {operator.value}: expected a text in quotes.")
    normal = _normal(part)
    target = normal(wanted)
    if wanted is None:
        # RFC 7644: null stands for "no value".
        empty = operator is CompareOperator.eq
        if operator not in (CompareOperator.eq, CompareOperator.ne):
            raise invalid_filter(f"{node.attr_path} {operator.value} null has no meaning.")
        return lambda r: any(_is_present(one) for one in values(r)) is not empty

    def found(resource: Mapping[str, Any]) -> Iterator[Any]:
        return (normal(one.get("value") if isinstance(one, Mapping) else one) for one in values(resource))

    if operator is CompareOperator.ne:
        return lambda r: not any(_comparable(one, target) and one == target for one in found(r))
    compare = _COMPARE[operator]
    return lambda r: any(_comparable(one, target) and compare(one, target) for one in found(r))


def _comparable(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return True
    return type(left) is type(right) and left is not None


def _normal(part: Definition | None) -> Callable[[Any], Any]:
    if part is not None and part.type == "dateTime":
        return _instant
    if part is None or not part.exact:
        return lambda one: one.casefold() if isinstance(one, str) else one
    return lambda one: one


def _instant(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_instant(value)
    except (WrongType, MusterError):
        return value


_COMPARE: Final[Mapping[CompareOperator, Callable[[Any, Any], bool]]] = {
    CompareOperator.eq: lambda left, right: bool(left == right),
    CompareOperator.co: lambda left, right: isinstance(left, str) and right in left,
    CompareOperator.sw: lambda left, right: isinstance(left, str) and left.startswith(right),
    CompareOperator.ew: lambda left, right: isinstance(left, str) and left.endswith(right),
    CompareOperator.gt: lambda left, right: bool(left > right),
    CompareOperator.ge: lambda left, right: bool(left >= right),
    CompareOperator.lt: lambda left, right: bool(left < right),
    CompareOperator.le: lambda left, right: bool(left <= right),
}
