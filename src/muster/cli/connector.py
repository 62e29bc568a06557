"""`muster connector`: system files for applications, and connectors of one's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from muster.app.proposing import propose_rest
from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import project_folder
from muster.cli.options import SETTINGS, Json
from muster.cli.scaffold import make_connector
from muster.connectors.kit.registry import connector_names

_HELP = "System files for applications, and connectors of your own."

app = typer.Typer(help=_HELP, no_args_is_help=True, **SETTINGS)


@app.callback(help=_HELP)
def connector() -> None:
    """The group."""


@app.command()
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What system files will call it: payroll.")],
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A folder that is new or empty. [default: muster-NAME]")
    ] = None,
    json: Json = False,
) -> int:
    """Write the package of a connector that works and keeps every promise, for you to change into yours."""
    invocation = Invocation.of(context, json)
    invocation.rehearsal()
    place = folder if folder is not None else Path(f"muster-{name}")
    files = make_connector(name, place, connector_names())
    next_steps = [f"cd {os.fspath(place)}", "pip install -e '.[test]'", "pytest"]
    if invocation.json:
        invocation.answer({"folder": str(place.resolve()), "files": files, "next": next_steps})
        return exitcodes.DONE
    out = invocation.streams.out
    out.print(f"Made {place} with {len(files)} files; README.md says what they are.", markup=False, highlight=False)
    out.print("Next:")
    for step in next_steps:
        out.print(f"  {step}", markup=False, highlight=False)
    return exitcodes.DONE


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
