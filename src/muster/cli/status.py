"""`muster status`: the systems, the identities, what is open."""

from __future__ import annotations

import typer

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, All, Json
from muster.cli.render.status import render_status, tell_last_errors

app = typer.Typer(**SETTINGS)


@app.command()
def status(context: typer.Context, everything: All = False, json: Json = False) -> int:
    """Show systems, identities and open cases. Connects to nothing."""
    invocation = Invocation.of(context, json)
    with open_project(invocation) as muster:
        document = muster.status()
    if invocation.json:
        invocation.answer(document)
    else:
        render_status(document, invocation.streams.out, everything=everything)
    tell_last_errors(document, invocation)
    return exitcodes.of_status(document)
