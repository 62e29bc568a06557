"""`muster check`: everything that is wrong with the files of the project; with `--connect`, with its systems too."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from muster.app.asking import Asked, ask_systems
from muster.app.check import loaded
from muster.cli import exitcodes
from muster.cli.failing import entry
from muster.cli.invocation import Invocation
from muster.cli.opening import project_folder
from muster.cli.options import SETTINGS, Json
from muster.project.configuration import Project

app = typer.Typer(**SETTINGS)


@app.command()
def check(
    context: typer.Context,
    connect: Annotated[
        bool, typer.Option("--connect", help="Log in to every system, too, and say what is missing there.")
    ] = False,
    json: Json = False,
) -> int:
    """Validate the project: file, line and column of all that is wrong."""
    invocation = Invocation.of(context, json)
    invocation.rehearsal()
    found = loaded(project_folder(invocation))
    errors = [diagnostic for diagnostic in found.diagnostics if diagnostic.severity == "error"]
    for diagnostic in found.diagnostics:
        invocation.tell(str(diagnostic))
    asked = _asked(invocation, found.project) if connect and found.project is not None and not errors else []
    misfits = [diagnostic for one in asked for diagnostic in one.misfits]
    for diagnostic in misfits:
        invocation.tell(str(diagnostic))
    errors += [diagnostic for diagnostic in misfits if diagnostic.severity == "error"]
    if invocation.json:
        document: dict[str, Any] = {
            "errors": [entry(diagnostic) for diagnostic in errors],
            "hints": [
                entry(diagnostic) for diagnostic in (*found.diagnostics, *misfits) if diagnostic.severity != "error"
            ],
        }
        if connect:
            document["systems"] = [
                {"name": one.system, "ok": one.ok, "message": one.message, "missing": list(one.missing)}
                for one in asked
            ]
        invocation.answer(document)
    elif not errors and all(one.ok for one in asked):
        invocation.streams.out.print("The project is in order. Next: muster plan")
    if errors:
        invocation.tell(
            "1 error. Mend it and check again."
            if len(errors) == 1
            else f"{len(errors)} errors. Mend them and check again."
        )
    return exitcodes.WRONG if errors or not all(one.ok for one in asked) else exitcodes.DONE


def _asked(invocation: Invocation, project: Project) -> list[Asked]:
    """What the systems answer, told as they do: those in order to whom reads, what is wrong or missing as a message."""
    found: list[Asked] = []
    for one in ask_systems(project):
        found.append(one)
        text = one.message if one.message.startswith(f"{one.system}: ") else f"{one.system}: {one.message}"
        if not one.ok:
            invocation.tell(text)
        elif not invocation.json:
            invocation.streams.out.print(text, markup=False, highlight=False)
        for missing in one.missing:
            invocation.tell(f"{one.system}: {missing}")
    return found
