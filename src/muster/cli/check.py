"""`muster check`: everything that is wrong with the project's files, at once; connects to nothing."""

from __future__ import annotations

import typer

from muster.app.check import check_project
from muster.cli import exitcodes
from muster.cli.failing import entry
from muster.cli.invocation import Invocation
from muster.cli.opening import project_folder
from muster.cli.options import SETTINGS, Json

app = typer.Typer(**SETTINGS)


@app.command()
def check(context: typer.Context, json: Json = False) -> int:
    """Validate the project: file, line and column of all that is wrong."""
    invocation = Invocation.of(context, json)
    invocation.rehearsal()
    found = check_project(project_folder(invocation))
    errors = [diagnostic for diagnostic in found if diagnostic.severity == "error"]
    for diagnostic in found:
        invocation.tell(str(diagnostic))
    if invocation.json:
        invocation.answer(
            {
                "errors": [entry(diagnostic) for diagnostic in errors],
                "hints": [entry(diagnostic) for diagnostic in found if diagnostic.severity != "error"],
            }
        )
    elif not errors:
        invocation.streams.out.print("The project is in order. Next: muster plan")
    if errors:
        invocation.tell(
            "1 error. Mend it and check again."
            if len(errors) == 1
            else f"{len(errors)} errors. Mend them and check again."
        )
    return exitcodes.WRONG if errors else exitcodes.DONE
