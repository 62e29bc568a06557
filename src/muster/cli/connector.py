"""`muster connector`: system files for applications."""

from __future__ import annotations

from typing import Annotated

import typer

from muster.app.proposing import propose_rest
from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import project_folder
from muster.cli.options import SETTINGS, Json

app = typer.Typer(help="System files for applications.", no_args_is_help=True, **SETTINGS)


@app.callback()
def connector() -> None:
    """System files for applications."""


@app.command()
def propose(
    context: typer.Context,
    openapi: Annotated[
        str, typer.Option("--openapi", metavar="URL|FILE", help="The application's OpenAPI 3 document.")
    ],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The system, as systems/NAME.yaml.")] = "app",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json: Json = False,
) -> int:
    """Write a system file for the connector `rest`, with a comment where a person must decide."""
    invocation = Invocation.of(context, json)
    invocation.rehearsal()
    folder = project_folder(invocation)
    path, decisions = propose_rest(folder, openapi, name, force=force)
    shown = str(path.relative_to(folder))
    if invocation.json:
        invocation.answer({"written": shown, "decisions": decisions})
    else:
        invocation.streams.out.print(shown, markup=False, highlight=False)
        invocation.tell(f"{decisions} decisions are left to you: look for DECIDE in it. Then: muster check --connect")
    return exitcodes.DONE
