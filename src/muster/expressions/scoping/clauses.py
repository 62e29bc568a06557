"""Groups of clauses: lists of lists of `{attribute, operator, value}`; a group needs all clauses, the rule one group.

Operators are known by their names without spaces and underscores, whatever the case: REGEX MATCH is REGEX_MATCH.
"""

from collections.abc import Callable, Mapping, Sequence

from muster.expressions.context import Context
from muster.expressions.errors import ExpressionError, nearest
from muster.expressions.scoping.scope import Scope

Clause = Callable[[object, Context], bool]
"""Whether an attribute's value meets the clause."""
Operator = Callable[[object], Clause]
"""From the clause's own value to the clause; ExpressionError when that value cannot be used."""
_TESTS = frozenset({"ISNULL", "ISNOTNULL", "ISN'TNULL", "PRESENT", "ISPRESENT"})


def compile_groups(rule: object, operators: Mapping[str, Operator]) -> Scope:
    """The scope of a rule. One without groups lets everything in. ExpressionError names what is wrong in it."""
    if rule is None:
        rule = []
    groups = [[_clause(clause, operators) for clause in _list(group)] for group in _list(rule)]
    reads = frozenset(name for group in groups for name, _, _ in group)
    tested = frozenset(name for group in groups for name, operator, _ in group if operator in _TESTS)

    def test(attributes: Mapping[str, object], context: Context) -> bool:
        return not groups or any(
            all(holds(attributes.get(name), context) for name, _, holds in group) for group in groups
        )

    return Scope(test, reads, tested=tested)


def _list(value: object) -> Sequence[object]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise ExpressionError("a scope is a list of groups, each a list of {attribute, operator, value}")
    return value


def _clause(clause: object, operators: Mapping[str, Operator]) -> tuple[str, str, Clause]:
    if not isinstance(clause, Mapping):
        raise ExpressionError("a clause is {attribute, operator, value}")
    for key in clause:
        if key not in {"attribute", "operator", "value"}:
            suggestion = nearest(str(key), ("attribute", "operator", "value"))
            raise ExpressionError(f"a clause has no {key}", suggestion=suggestion)
    name, operator = clause.get("attribute"), clause.get("operator")
    if not isinstance(name, str) or not name or not isinstance(operator, str):
        raise ExpressionError("a clause needs the texts attribute and operator")
    found = operators.get(plain(operator))
    if found is None:
        known = {plain(each): each for each in operators}
        raise ExpressionError(f"there is no operator {operator}", suggestion=nearest(plain(operator), known))
    return name, plain(operator), found(clause.get("value"))


def plain(operator: str) -> str:
    """The operator's name in capitals, without spaces and underscores."""
    return "".join(operator.upper().replace("_", " ").split())
