"""`muster log`: what earlier runs did."""

from __future__ import annotations

from typing import Annotated

import typer

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, Json
from muster.cli.render.log import render_log

app = typer.Typer(**SETTINGS)


@app.command()
def log(
    context: typer.Context,
    run: Annotated[int | None, typer.Argument(metavar="RUN", help="One run, by its number, with every step.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many runs, newest first.")] = 20,
    json: Json = False,
) -> int:
    """Show what earlier runs did."""
    invocation = Invocation.of(context, json)
    with open_project(invocation) as muster:
        document = muster.log(limit=limit, run=run)
    if invocation.json:
        invocation.answer(document)
    else:
        render_log(document, invocation.streams.out, steps=run is not None)
    return exitcodes.DONE
