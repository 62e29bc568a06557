"""`muster provision`: one person or group in one system, now, step by step."""

from __future__ import annotations

from typing import Annotated

import typer

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, Json
from muster.cli.render.problems import render_notes, tell_problems
from muster.cli.render.provision import render_provision
from muster.cli.who import me
from muster.store.leases import Patience

app = typer.Typer(**SETTINGS)


@app.command()
def provision(
    context: typer.Context,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Where: a file of systems/, without .yaml.")],
    who: Annotated[
        str,
        typer.Argument(
            metavar="WHO", help="A person or group: an id, an object's anchor, a value that joins, or a name."
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show every step and write nothing.")] = False,
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for a run that is at work.")
    ] = 120,
    json: Json = False,
) -> int:
    """Provision one person or group in one system now, and show each step: import, scope, match, export."""
    invocation = Invocation.of(context, json)

    def waiting(why: str) -> None:
        invocation.tell(f"{why.partition('. ')[0]}. Waiting for it, at most {wait:.0f} seconds.")

    with open_project(invocation) as muster:
        document = muster.provision(system, who, dry_run=dry_run, by=me(), patience=Patience(wait, waiting))
    if invocation.json:
        invocation.answer(document)
    else:
        render_provision(document, invocation.streams.out)
        render_notes(document["notes"], invocation.streams.out, everything=True)
    tell_problems(document, invocation)
    return exitcodes.of_provision(document)
