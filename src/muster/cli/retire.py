"""`muster retire`: give up the objects of a mapping whose file was removed."""

from __future__ import annotations

from typing import Annotated

import typer

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, Json, Why
from muster.cli.who import me

app = typer.Typer(**SETTINGS)


@app.command()
def retire(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The mapping's name: its file's, without .yaml.")],
    why: Why = "",
    json: Json = False,
) -> int:
    """Give up the objects of a mapping whose file was removed. They stay in their system, unmanaged."""
    invocation = Invocation.of(context, json)
    with open_project(invocation) as muster:
        document = muster.retire(name, by=me(), why=why)
    if invocation.json:
        invocation.answer(document)
    else:
        objects = document.get("objects", 0)
        invocation.streams.out.print(f"Retired {name}: {objects} objects are no longer managed. Next: muster plan")
    return exitcodes.DONE
