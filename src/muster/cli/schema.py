"""`muster schema`: the JSON Schemas from which editors complete."""

from __future__ import annotations

import typer

from muster.app.check import write_schemas
from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import project_folder
from muster.cli.options import SETTINGS, Json

app = typer.Typer(**SETTINGS)


@app.command()
def schema(context: typer.Context, json: Json = False) -> int:
    """Write the JSON Schemas that editors complete from, to .muster/schemas."""
    invocation = Invocation.of(context, json)
    invocation.rehearsal()
    folder = project_folder(invocation)
    written = [path.relative_to(folder) if path.is_relative_to(folder) else path for path in write_schemas(folder)]
    if invocation.json:
        invocation.answer({"folder": str(folder), "schemas": [str(path) for path in written]})
    else:
        for path in written:
            invocation.streams.out.print(str(path))
    return exitcodes.DONE
