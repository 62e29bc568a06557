"""`muster joins`: whom an object belongs to, where only a person can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, Json, Why
from muster.cli.render.words import count, instant, safe
from muster.cli.who import me
from muster.model.errors import ProjectError

app = typer.Typer(help="Show the joins that wait for a person, and decide them.", **SETTINGS)

Place = Annotated[
    str,
    typer.Argument(
        metavar="SYSTEM/TYPE", help="The object's system and type; SYSTEM is enough where one type has the anchor."
    ),
]
Anchor = Annotated[str, typer.Argument(metavar="ANCHOR", help="The object's anchor in that system.")]
Identity = Annotated[str, typer.Argument(metavar="IDENTITY", help="An id, an account's anchor, or a join value.")]


@app.callback(invoke_without_command=True)
def joins(context: typer.Context, json: Json = False) -> int:
    """Show the joins that wait for a person, and decide them. Without a command: the list."""
    return _list(context, json) if context.invoked_subcommand is None else exitcodes.DONE


@app.command("list")
def show(context: typer.Context, json: Json = False) -> int:
    """List the joins that wait for a person. `muster joins` does too."""
    return _list(context, json)


@app.command()
def accept(
    context: typer.Context, place: Place, anchor: Anchor, identity: Identity, why: Why = "", json: Json = False
) -> int:
    """The object is this identity's."""
    return _decide(context, "accept", why, json, **_object(place, anchor), identity=identity)


@app.command()
def refuse(
    context: typer.Context,
    place: Place,
    anchor: Anchor,
    identity: Annotated[
        str | None, typer.Argument(metavar="[IDENTITY]", help="Without it: everybody whom it matches.")
    ] = None,
    why: Why = "",
    json: Json = False,
) -> int:
    """The object is not this identity's."""
    return _decide(context, "refuse", why, json, **_object(place, anchor), identity=identity)


@app.command()
def new(context: typer.Context, place: Place, anchor: Anchor, why: Why = "", json: Json = False) -> int:
    """The object is somebody new. The next run makes an identity of it."""
    return _decide(context, "new", why, json, **_object(place, anchor))


@app.command()
def split(context: typer.Context, place: Place, anchor: Anchor, why: Why = "", json: Json = False) -> int:
    """The object leaves its identity for good."""
    return _decide(context, "split", why, json, **_object(place, anchor))


@app.command()
def merge(
    context: typer.Context,
    identity: Identity,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The identity that stays.")],
    why: Why = "",
    json: Json = False,
) -> int:
    """Two identities are one person. Everything of the first goes to the second."""
    return _decide(context, "merge", why, json, identity=identity, into=into)


def _list(context: typer.Context, json: bool) -> int:
    invocation = _invocation(context, json)
    with open_project(invocation) as muster:
        document = muster.joins()
    cases: list[dict[str, Any]] = document.get("cases") or []
    if invocation.json:
        invocation.answer(document)
    elif not cases:
        invocation.streams.out.print("No join waits for a decision.")
    else:
        invocation.streams.out.print(f"{count(len(cases), 'case')} for a person to decide")
        for case in cases:
            _render(case, invocation.streams.out)
    return exitcodes.HELD if cases else exitcodes.DONE


def _render(case: Mapping[str, Any], out: Console) -> None:
    out.print()
    out.print(f"{safe(case['message'])}  (since {instant(case['since'])})")
    for person in case["candidates"]:
        out.print(f"  {person['identity']}  {safe(person['displayName'] or '(no displayName)')}")
    for command in case["commands"]:
        out.print(f"  > {safe(command)}")
    if not case["commands"]:
        out.print("  Nothing to decide: mend the rule or the value; the case closes by itself.")


def _object(place: str, anchor: str) -> dict[str, str | None]:
    """The object that SYSTEM/TYPE and ANCHOR name. Raises `ProjectError` for what is neither SYSTEM/TYPE nor SYSTEM."""
    system, slash, kind = place.partition("/")
    if not system or (slash and not kind):
        raise ProjectError(f"Expected SYSTEM/TYPE such as ad/user, found {place!r}. `muster joins` shows what is open")
    return {"system": system, "object_type": kind or None, "anchor": anchor}


def _decide(context: typer.Context, decision: str, why: str, json: bool, **about: str | None) -> int:
    invocation = _invocation(context, json)
    with open_project(invocation) as muster:
        document = muster.decide(decision, by=me(), why=why, **about)
    if invocation.json:
        invocation.answer(document)
    else:
        then = f" {safe(document['then'])}." if document.get("then") else ""
        invocation.streams.out.print(f"Decided.{then} The next run obeys it: muster plan")
    return exitcodes.DONE


def _invocation(context: typer.Context, json: bool) -> Invocation:
    """The invocation; `--json` counts before the decision too."""
    before = context.parent is not None and bool(context.parent.params.get("json"))
    return Invocation.of(context, json or before)
