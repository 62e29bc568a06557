"""`muster init`: a new project that works as it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from muster.app.check import write_schemas
from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.options import SETTINGS, Json
from muster.cli.scaffold import make_project, template

app = typer.Typer(**SETTINGS)


@app.command()
def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")],
    example: Annotated[
        str | None, typer.Option("--example", metavar="NAME", help="Start from an example: acme, hybrid or writeback.")
    ] = None,
    json: Json = False,
) -> int:
    """Make a new project in a folder: small, complete, ready to run."""
    invocation = Invocation.of(context, json)
    invocation.rehearsal()
    files = make_project(template(example), folder)
    write_schemas(folder)
    here = folder.resolve() == Path.cwd()
    next_steps = [*([] if here else [f"cd {os.fspath(folder)}"]), "muster check", "muster plan", "muster apply"]
    if invocation.json:
        invocation.answer({"folder": str(folder.resolve()), "files": files, "next": next_steps})
        return exitcodes.DONE
    out = invocation.streams.out
    out.print(f"Made {folder} with {len(files)} files; README.md says what they are.")
    out.print("Next:")
    for step in next_steps:
        out.print(f"  {step}")
    return exitcodes.DONE
