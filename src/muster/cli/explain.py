"""`muster explain`: where each value of somebody comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, Json
from muster.cli.render.explain import render_explain

app = typer.Typer(**SETTINGS)


@app.command()
def explain(
    context: typer.Context,
    who: Annotated[
        str, typer.Argument(metavar="WHO", help="An id, an account's anchor, a value that joins, or a display name.")
    ],
    system: Annotated[str | None, typer.Argument(metavar="SYSTEM", help="Only what concerns this system.")] = None,
    attribute: Annotated[str | None, typer.Argument(metavar="ATTRIBUTE", help="Only this attribute.")] = None,
    json: Json = False,
) -> int:
    """Say where each value of somebody comes from."""
    invocation = Invocation.of(context, json)
    with open_project(invocation) as muster:
        document = muster.explain(who, system, attribute)
    if invocation.json:
        invocation.answer(document)
    else:
        render_explain(document, invocation.streams.out)
    return exitcodes.DONE
