"""`muster joins`: who an object belongs to, where only a person can tell."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, Json

app = typer.Typer(help="Show the joins that wait for a person, and decide them.", no_args_is_help=True, **SETTINGS)

System = Annotated[str, typer.Argument(metavar="SYSTEM", help="The object's system.")]
Anchor = Annotated[str, typer.Argument(metavar="ANCHOR", help="The object's anchor in that system.")]
Kind = Annotated[
    str | None, typer.Option("--type", metavar="TYPE", help="The object's type, where the system has several.")
]
Identity = Annotated[str, typer.Argument(metavar="WHO", help="An identity: id, anchor or join value.")]


@app.command("list")
def show(context: typer.Context, json: Json = False) -> int:
    """List the joins that wait for a decision."""
    invocation = Invocation.of(context, json)
    with open_project(invocation) as muster:
        cases: list[dict[str, Any]] = muster.status()["cases"]
    if invocation.json:
        invocation.answer({"cases": cases})
    elif not cases:
        invocation.streams.out.print("No join waits for a decision.")
    for case in () if invocation.json else cases:
        invocation.streams.out.print(f"{case['message']}  (since {case['since']})")
        invocation.streams.out.print(f"  muster joins accept {case['system']} {case['anchor']} WHO")
    return exitcodes.HELD if cases else exitcodes.DONE


@app.command()
def accept(
    context: typer.Context, system: System, anchor: Anchor, who: Identity, kind: Kind = None, json: Json = False
) -> int:
    """The object is this identity's."""
    return _decide(context, "accept", json, system=system, object_type=kind, anchor=anchor, identity=who)


@app.command()
def refuse(
    context: typer.Context,
    system: System,
    anchor: Anchor,
    who: Annotated[
        str | None, typer.Argument(metavar="[WHO]", help="The identity; without it, everybody it matches.")
    ] = None,
    kind: Kind = None,
    json: Json = False,
) -> int:
    """The object is not this identity's."""
    return _decide(context, "refuse", json, system=system, object_type=kind, anchor=anchor, identity=who)


@app.command()
def split(context: typer.Context, system: System, anchor: Anchor, kind: Kind = None, json: Json = False) -> int:
    """The object leaves the identity it is joined to."""
    return _decide(context, "split", json, system=system, object_type=kind, anchor=anchor)


@app.command()
def merge(
    context: typer.Context,
    who: Identity,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The identity that stays.")],
    json: Json = False,
) -> int:
    """Two identities are one person: everything of the first goes to the second."""
    return _decide(context, "merge", json, identity=who, into=into)


def _decide(context: typer.Context, decision: str, json: bool, **about: str | None) -> int:
    invocation = Invocation.of(context, json)
    with open_project(invocation) as muster:
        document = muster.decide(decision, by=getpass.getuser(), **about)
    if invocation.json:
        invocation.answer(document)
    else:
        invocation.streams.out.print("Decided. The next run obeys it: muster plan")
    return exitcodes.DONE
