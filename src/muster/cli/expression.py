"""`muster expression`: try out expressions and scopes on given attributes, without a project."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from muster.cli import exitcodes
from muster.cli.clock import instant
from muster.cli.invocation import Invocation
from muster.cli.options import SETTINGS, Cases, Dialect, Json, Now
from muster.expressions import evaluate_cases, scope_cases
from muster.model.errors import ProjectError
from muster.model.values import instant_text

app = typer.Typer(help="Try out expressions and scopes.", no_args_is_help=True, **SETTINGS)


@app.command("eval")
def evaluate(
    context: typer.Context,
    expression: Annotated[str | None, typer.Argument(metavar="EXPRESSION", help="The expression.")] = None,
    attributes: Annotated[
        Path | None,
        typer.Option("--attributes", metavar="FILE", help="A JSON object: attribute → value; - reads it here."),
    ] = None,
    cases: Cases = None,
    dialect: Dialect = "entra",
    now: Now = None,
    json: Json = False,
) -> int:
    """Work out an expression, or a file of cases, and print what comes out."""
    invocation = Invocation.of(context, json)
    invocation.rehearsal()
    clock = instant(now, "--now") if now is not None else invocation.now
    defaults: dict[str, Any] = {"dialect": dialect}
    if clock is not None:
        defaults["now"] = instant_text(clock)
    if (expression is None) == (cases is None):
        raise ProjectError("Give either an EXPRESSION or --cases FILE.")
    if cases is not None:
        if attributes is not None:
            raise ProjectError("--attributes goes with an EXPRESSION; in --cases each case has its own.")
        given = _cases(cases, ("expression",))
        invocation.answer(evaluate_cases([{**defaults, **case} for case in given]))
        return exitcodes.DONE
    found = _read(attributes) if attributes is not None else {}
    if not isinstance(found, dict):
        raise ProjectError(f"{attributes}: expected a JSON object of attributes, found {_kind(found)}.")
    result = evaluate_cases([{**defaults, "expression": expression, "attributes": found}])[0]
    failure = result.get("error") if isinstance(result, dict) else None
    if failure is not None:
        invocation.tell(f"muster: {failure}")
    if invocation.json:
        invocation.answer(result)
    elif failure is None:
        shown = result if isinstance(result, str) else jsonlib.dumps(result, ensure_ascii=False)
        invocation.streams.out.print(shown)
    return exitcodes.WRONG if failure is not None else exitcodes.DONE


@app.command("scope")
def scope(context: typer.Context, cases: Cases = None, json: Json = False) -> int:
    """Say for each case of a file whether its attributes are in scope."""
    invocation = Invocation.of(context, json)
    invocation.rehearsal()
    if cases is None:
        raise ProjectError('Give --cases FILE, a JSON list of {"kind", "rule", "attributes"}.')
    clock = {"now": instant_text(invocation.now)} if invocation.now is not None else {}
    invocation.answer(scope_cases([{**clock, **case} for case in _cases(cases, ("kind", "rule"))]))
    return exitcodes.DONE


def _cases(path: Path, needed: tuple[str, ...]) -> list[dict[str, Any]]:
    found = _read(path)
    if not isinstance(found, list):
        raise ProjectError(f"{path}: expected a JSON list of cases, found {_kind(found)}.")
    for number, case in enumerate(found, 1):
        if not isinstance(case, dict):
            raise ProjectError(f"{path}: case {number} is {_kind(case)}, expected an object.")
        lacking = [name for name in needed if name not in case]
        if lacking:
            raise ProjectError(f"{path}: case {number} has no {lacking[0]!r}.")
    return found


def _read(path: Path) -> Any:
    """What a JSON file holds; `-` is standard input."""
    shown = "standard input" if str(path) == "-" else str(path)
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ProjectError(f"{shown}: not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise ProjectError(
            f"{shown}: cannot be read: {error.strerror}. Name a JSON file, or - for standard input."
        ) from None
    try:
        return jsonlib.loads(text)
    except jsonlib.JSONDecodeError as error:
        raise ProjectError(f"{shown}:{error.lineno}:{error.colno}: this is no JSON: {error.msg}.") from None


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else "a single value"
