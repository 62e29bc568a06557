"""The script that the Synchronization Rules Editor exports, as rules.

It is read, never run: `New-ADSyncRule`, `Add-ADSyncAttributeFlowMapping`, `New-Object` of conditions and the two
commands that add their groups. Everything else in the file is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from muster.migration.connect.rules import JoinCondition, RuleFlow, SyncRule, clause, identifier
from muster.model.errors import ProjectError

_TOKEN: Final = re.compile(
    r"""
      (?P<skip>`[ \t]*\r?\n|[ \t\ufeff]+|<\#.*?\#>|\#[^\n]*)
    | (?P<end>\r?\n|;|\||\{|\})
    | @(?P<herequote>['"])[ \t]*\r?\n(?P<here>.*?)\r?\n(?P=herequote)@
    | '(?P<single>(?:[^']|'')*)'
    | "(?P<double>(?:[^"`]|""|`.)*)"
    | (?P<open>@?\()
    | (?P<close>\))
    | (?P<comma>,)
    | (?P<word>[^\s'"`,;|(){}]+)
    """,
    re.VERBOSE | re.DOTALL,
)


class Name(str):
    """A word without quotes: a command, `-Parameter`, `$variable` or a number."""

    __slots__ = ()


@dataclass(slots=True)
class _Script:
    """What the statements before have set."""

    file: str
    rules: list[SyncRule] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)

    def value(self, found: Any) -> Any:
        """What a token stands for; a variable that was never set stays a Name."""
        if isinstance(found, list):
            return [self.value(item) for item in found]
        if isinstance(found, Name) and found.startswith("$"):
            name = re.sub(r"\[\d+\]$", "", found[1:]).lower()
            if name in {"true", "false"}:
                return name == "true"
            return self.variables.get(name, found)
        return found

    def text(self, parameters: dict[str, Any], name: str, default: str = "") -> str:
        """One text of a command; the first of several."""
        found = self.value(parameters.get(name.lower(), default))
        found = found[0] if isinstance(found, list) and found else found
        return default if isinstance(found, Name) and found.startswith("$") else str(found)

    def current(self) -> SyncRule:
        """The rule that the script is busy with."""
        if not self.rules:
            raise ProjectError(f"{self.file}: a command adds to a rule before any New-ADSyncRule stands there.")
        return self.rules[-1]


def read_script(text: str, file: str) -> list[SyncRule]:
    """The rules of a script, in its order. ProjectError when one of them cannot be read."""
    script = _Script(file)
    for statement in _statements(text):
        _obey(statement, script)
    return script.rules


def _statements(text: str) -> Iterator[list[Any]]:
    """The tokens of each statement; what stands in brackets, or between commas, is a list."""
    stack: list[list[Any]] = [[]]
    joined = False
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            at += 1
            continue
        at = match.end()
        kind = match.lastgroup
        if kind == "skip":
            continue
        if kind == "end":
            if len(stack) == 1 and not joined:
                if stack[0]:
                    yield stack[0]
                stack = [[]]
            continue
        if kind == "open":
            stack.append([])
            continue
        if kind == "comma":
            joined = True
            continue
        if kind == "close":
            if len(stack) == 1:
                continue
            value: Any = stack.pop()
        else:
            value = _plain(match)
        here = stack[-1]
        if joined and here:
            before = here.pop()
            here.append(_Listed([*before, value] if isinstance(before, _Listed) else [before, value]))
        else:
            here.append(value)
        joined = False
    if stack[0]:
        yield stack[0]


class _Listed(list[Any]):
    """Values between commas."""


def _plain(match: re.Match[str]) -> str:
    if match["here"] is not None:
        return match["here"]
    if match["single"] is not None:
        return match["single"].replace("''", "'")
    if match["double"] is not None:
        return re.sub(r"`(.)", r"\1", match["double"].replace('""', '"'))
    return Name(match["word"])


def _obey(statement: list[Any], script: _Script) -> None:
    while len(statement) > 1 and isinstance(statement[0], Name) and re.fullmatch(r"\[\w+\]", statement[0]):
        statement = statement[1:]
    first = statement[0]
    if not isinstance(first, Name):
        return
    if first.startswith("$") and len(statement) == 3 and statement[1] == "=":
        script.variables[first[1:].lower()] = script.value(statement[2])
        return
    parameters = _parameters(statement[1:])
    match first.lower():
        case "new-adsyncrule":
            script.rules.append(_rule(parameters, script))
        case "add-adsyncattributeflowmapping":
            script.current().flows.append(_flow(parameters, script))
        case "new-object":
            _condition(parameters, script)
        case "add-adsyncscopeconditiongroup":
            group = [one for one in _flat(script.value(parameters.get("scopeconditions"))) if isinstance(one, dict)]
            script.current().scope.append(group)
        case "add-adsyncjoinconditiongroup":
            found = _flat(script.value(parameters.get("joinconditions")))
            script.current().joins.append([one for one in found if isinstance(one, JoinCondition)])
        case _:
            return


def _parameters(tokens: list[Any]) -> dict[str, Any]:
    """`-Name value` by lower-case name; a switch is True."""
    found: dict[str, Any] = {}
    name = None
    for token in tokens:
        if isinstance(token, Name) and re.match(r"-[A-Za-z]", token):
            name, colon, value = token[1:].lower().partition(":")
            found[name] = Name(value) if colon and value else True
        elif name is not None:
            found[name] = token
            name = None
    return found


def _flat(value: Any) -> list[Any]:
    return [one for item in value for one in _flat(item)] if isinstance(value, list) else [value]


def _rule(parameters: dict[str, Any], script: _Script) -> SyncRule:
    name = script.text(parameters, "Name")
    precedence = script.text(parameters, "Precedence")
    if not precedence.isdecimal():
        raise ProjectError(
            f"{script.file}: the rule `{name}` has no precedence that is a number. Write it there and import again."
        )
    return SyncRule(
        name,
        script.text(parameters, "Direction"),
        int(precedence),
        script.text(parameters, "SourceObjectType"),
        script.text(parameters, "TargetObjectType"),
        identifier(script.text(parameters, "Connector") or str(script.variables.get("connectorname", ""))),
        script.text(parameters, "LinkType", "Join"),
        script.text(parameters, "ImmutableTag"),
        script.value(parameters.get("disabled", False)) is True,
        script.value(parameters.get("enablepasswordsync", False)) is True,
    )


def _flow(parameters: dict[str, Any], script: _Script) -> RuleFlow:
    return RuleFlow(
        script.text(parameters, "Destination"),
        script.text(parameters, "FlowType", "Direct"),
        script.text({"source": _first(script.value(parameters.get("source", "")))}, "Source"),
        script.text(parameters, "Expression"),
        script.text(parameters, "ValueMergeType", "Update"),
        script.value(parameters.get("executeonce", False)) is True,
    )


def _first(value: Any) -> Any:
    flat = _flat(value)
    return flat[0] if flat else ""


def _condition(parameters: dict[str, Any], script: _Script) -> None:
    kind = script.text(parameters, "TypeName").rpartition(".")[2]
    values = _flat(script.value(parameters.get("argumentlist", [])))
    made: Any
    if kind == "ScopeCondition" and len(values) == 3:
        made = clause(str(values[0]), str(values[1]), str(values[2]))
    elif kind == "JoinCondition" and len(values) >= 2:
        made = JoinCondition(str(values[0]), str(values[1]), len(values) > 2 and values[2] is True)
    else:
        return
    variable = parameters.get("outvariable")
    if isinstance(variable, Name):
        script.variables[variable.lower()] = made
