"""`muster forget`: let another system take the place of one that Muster knows."""

from __future__ import annotations

from typing import Annotated

import typer

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, Json, Why
from muster.cli.render.words import safe
from muster.cli.who import me

app = typer.Typer(**SETTINGS)


@app.command()
def forget(
    context: typer.Context,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="The system's name: its file's, without .yaml.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without, what would be forgotten is shown.")] = False,
    why: Why = "",
    json: Json = False,
) -> int:
    """Let another system take the place of one: a domain that was built anew. Deletes nothing there."""
    invocation = Invocation.of(context, json)
    with open_project(invocation) as muster:
        document = muster.forget(system, sure=yes, by=me(), why=why)
    if invocation.json:
        invocation.answer(document)
    else:
        out = invocation.streams.out
        was = f" of {', '.join(document['was'])}" if document["was"] else ""
        counted = f"{document['objects']} objects{was}, {document['joined']} of them joined"
        if yes:
            out.print(safe(f"{system}: forgotten with the next whole read: {counted}. Next: muster plan"))
        else:
            out.print(safe(f"{system}: what would be forgotten: {counted}."))
            out.print(
                safe(
                    "The next plan would read the system whole and join what it finds by the join rules. What is not "
                    "found again is made anew there; people known from nowhere else leave. Nothing was done. To do it: "
                    f"muster forget {system} --yes"
                )
            )
    return exitcodes.DONE if yes else exitcodes.HELD
