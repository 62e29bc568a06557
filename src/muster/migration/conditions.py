"""Filter groups and scope clauses as expressions, for the places where a mapping takes only those.

The operators are those of `expressions/scoping`, which says where each is documented; an expression answers what the
clause answers there, NULL included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from muster.expressions import ExpressionError, compile_scope
from muster.migration.expressions import quoted
from muster.model.values import Attribute

Clause = Mapping[str, Any]
Groups = Sequence[Sequence[Clause]]


class Untranslatable(ValueError):
    """A clause that no expression says."""


def plain(operator: str) -> str:
    """The operator's name in capitals, without spaces and underscores."""
    return "".join(operator.upper().replace("_", " ").split())


def entra_condition(groups: Groups, term: Callable[[str], str], attribute: Callable[[str], Attribute | None]) -> str:
    """Filter groups of the Entra provisioning service as an expression; `term` writes an attribute, as `[name]`.

    Untranslatable names the clause that has none.
    """
    _check("entra-scoping", groups)

    def clause(one: Clause) -> str:
        name, operator = str(one["attribute"]), plain(str(one["operator"]))
        known = attribute(name)
        many = known is not None and known.many
        found = _entra(term(name), operator, one.get("value"), many)
        if found is None:
            raise Untranslatable(f"{name} {one['operator']} {one.get('value', '')}".strip())
        return found

    return _either([" and ".join(clause(one) for one in group) for group in groups if group], " or ")


_INTO: Final[Mapping[str, str]] = {
    "EQUALS": "{a} = {v}",
    "EQUAL": "{a} = {v}",
    "NOTEQUALS": "IsPresent({a}) and {a} <> {v}",
    "NOTEQUAL": "IsPresent({a}) and {a} <> {v}",
    "ISTRUE": "{a} = True",
    "ISFALSE": "IsPresent({a}) and {a} = False",
    "ISNULL": "IsNullOrEmpty({a})",
    "ISNOTNULL": "IsPresent({a})",
    "ISN'TNULL": "IsPresent({a})",
    "PRESENT": "IsPresent({a})",
    "ISPRESENT": "IsPresent({a})",
    "INCLUDES": "InStr({a}, {v}) > 0",
    "STARTSWITH": "Left({a}, {n}) = {v}",
    "ENDSWITH": "Right({a}, {n}) = {v}",
    "GREATERTHAN": "IsNumeric({a}) and CNum({a}) > {v}",
    "GREATERTHANOREQUALS": "IsNumeric({a}) and CNum({a}) >= {v}",
    "GREATERTHANOREQUAL": "IsNumeric({a}) and CNum({a}) >= {v}",
    "REGEXMATCH": "IsMatch({a}, {v})",
    "NOTREGEXMATCH": "IsPresent({a}) and Not(IsMatch({a}, {v}))",
}
_MANY: Final[Mapping[str, str]] = {
    "EQUALS": "In({v}, {a})",
    "EQUAL": "In({v}, {a})",
    "NOTEQUALS": "IsPresent({a}) and Not(In({v}, {a}))",
    "NOTEQUAL": "IsPresent({a}) and Not(In({v}, {a}))",
}
_OF_MANY: Final = frozenset(
    {"ISNULL", "ISNOTNULL", "ISN'TNULL", "PRESENT", "ISPRESENT", "REGEXMATCH", "NOTREGEXMATCH", *_MANY}
)


def _entra(term: str, operator: str, value: Any, many: bool) -> str | None:
    if many and operator not in _OF_MANY:
        return None
    form = _MANY.get(operator) if many else None
    form = form or _INTO.get(operator)
    if form is None:
        return None
    text = str(value) if value is not None else ""
    written = text if operator.startswith("GREATERTHAN") else quoted(text, "entra")
    return form.format(a=term, v=written, n=len(text))


def connect_condition(groups: Groups, term: Callable[[str], str] = "[{}]".format) -> str:
    """Scope clauses of Entra Connect as an expression in the dialect `connect`. Untranslatable as `entra_condition`."""
    _check("connect-scope", groups)

    def clause(one: Clause) -> str:
        operator = plain(str(one["operator"]))
        form = _CLAUSES.get(operator)
        if form is None:
            raise Untranslatable(f"{one['attribute']} {one['operator']} {one.get('value', '')}".strip())
        text = str(one.get("value", ""))
        word = text.capitalize() if text.lower() in {"true", "false"} else quoted(text, "connect")
        return form.format(a=term(str(one["attribute"])), v=word, t=quoted(text, "connect"), n=len(text), b=text)

    parts = []
    for group in groups:
        clauses = [clause(one) for one in group]
        if clauses:
            parts.append(clauses[0] if len(clauses) == 1 else " && ".join(f"({one})" for one in clauses))
    return _either(parts, " || ")


_CLAUSES: Final[Mapping[str, str]] = {
    "EQUAL": "{a} = {v}",
    "ISIN": "{a} = {v}",
    "NOTEQUAL": "{a} <> {v}",
    "ISNOTIN": "{a} <> {v}",
    "LESSTHAN": "Not(IsNull({a})) && (CStr({a}) < {t})",
    "LESSTHANOREQUAL": "Not(IsNull({a})) && (CStr({a}) <= {t})",
    "GREATERTHAN": "Not(IsNull({a})) && (CStr({a}) > {t})",
    "GREATERTHANOREQUAL": "Not(IsNull({a})) && (CStr({a}) >= {t})",
    "CONTAINS": "InStr({a}, {t}) > 0",
    "NOTCONTAINS": "Not(InStr({a}, {t}) > 0)",
    "STARTSWITH": "Left({a}, {n}) = {t}",
    "NOTSTARTSWITH": "Left({a}, {n}) <> {t}",
    "ENDSWITH": "Right({a}, {n}) = {t}",
    "NOTENDSWITH": "Right({a}, {n}) <> {t}",
    "ISNULL": "IsNullOrEmpty({a})",
    "ISNOTNULL": "IsPresent({a})",
    "ISBITSET": "IsBitSet({a}, {b})",
    "ISNOTBITSET": "Not(IsBitSet({a}, {b}))",
}


def _either(parts: list[str], word: str) -> str:
    if len(parts) == 1:
        return parts[0]
    return word.join(f"({part})" if " and " in part or " && " in part or "=" in part else part for part in parts)


def _check(kind: str, groups: Groups) -> None:
    """Whether the scoping itself takes the clauses: an unknown operator or a broken pattern is said in its words."""
    try:
        compile_scope(kind, [[dict(one) for one in group] for group in groups])
    except ExpressionError as error:
        raise Untranslatable(error.message) from None
