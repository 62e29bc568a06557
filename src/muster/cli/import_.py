"""`muster import`: configuration of Microsoft's products, as mapping files of this project."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from muster.app.migrating import bring
from muster.cli import exitcodes
from muster.cli.failing import entry
from muster.cli.invocation import Invocation
from muster.cli.opening import project_folder
from muster.cli.options import SETTINGS, Json
from muster.migration.connect.reading import Export, import_rules
from muster.migration.encoding import decoded
from muster.migration.entra.job import Job, read_job
from muster.migration.entra.reading import Choices, import_schema
from muster.migration.entra.schema import read_schema
from muster.migration.outcome import Imported
from muster.migration.surroundings import Surroundings
from muster.model.errors import ProjectError

app = typer.Typer(help="Bring the configuration of Entra and Entra Connect over.", no_args_is_help=True, **SETTINGS)

Force = Annotated[bool, typer.Option("--force", help="Write over mapping files that are there.")]


@app.command("entra-schema")
def entra_schema(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The answer of GET …/synchronization/jobs/{id}/schema.")],
    job: Annotated[
        list[Path] | None,
        typer.Option(
            "--job", metavar="FILE", help="The job, or its list of settings, as Graph answers them; may repeat."
        ),
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", metavar="NAME", help="The system of the project that is the target.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="NAME", help="The system that is the source, where it is not Entra."),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--everyone", help="Not only the assigned: all in scope get an account.")
    ] = False,
    assigned: Annotated[
        str | None,
        typer.Option("--assigned", metavar="EXPRESSION", help="Who is assigned, as a condition on the identity."),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Write the mappings of a provisioning job of Microsoft Entra, from its schema."""
    invocation = Invocation.of(context, json)
    if everyone and assigned is not None:
        raise ProjectError("--everyone and --assigned say two things: keep one.")
    schema = read_schema(_document(file), str(file))
    found = read_job([_document(one) for one in job], ", ".join(map(str, job))) if job else Job()
    choices = Choices(system, source, everyone, assigned)
    return _bring(invocation, lambda around: import_schema(schema, found, choices, around), force)


@app.command("connect-rules")
def connect_rules(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The exported script, or a folder of exported scripts and XML files.")
    ],
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system", metavar="[CONNECTOR=]NAME", help="The system of the project that is a connector; may repeat."
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Write one mapping for each object type from the synchronization rules of Entra Connect."""
    invocation = Invocation.of(context, json)
    export = Export(_files(path))
    return _bring(invocation, lambda around: import_rules(export, system or [], around), force)


def _bring(invocation: Invocation, make: Callable[[Surroundings], Imported], force: bool) -> int:
    """Write, and say what was written, what was left and what is wrong now."""
    brought = bring(project_folder(invocation), make, force=force)
    for one in brought.left:
        invocation.tell(f"not carried over: {one.what}: {one.why}. What to do: {one.do}.")
    for diagnostic in brought.errors:
        invocation.tell(str(diagnostic))
    if invocation.json:
        invocation.answer(
            {
                "written": brought.files,
                "not_carried": [{"what": one.what, "why": one.why, "do": one.do} for one in brought.left],
                "errors": [entry(diagnostic) for diagnostic in brought.errors],
            }
        )
    else:
        for name in brought.files:
            invocation.streams.out.print(name, markup=False, highlight=False)
        invocation.tell("Read the files, then: muster check, muster plan")
    return exitcodes.WRONG if brought.errors else exitcodes.DONE


def _files(path: Path) -> dict[str, bytes]:
    """The exported files by name: the one, or all of a folder and of those inside it."""
    try:
        if path.is_dir():
            found = (one for one in sorted(path.rglob("*")) if one.suffix.lower() in {".ps1", ".txt", ".xml"})
            return {str(one.relative_to(path)): one.read_bytes() for one in found if one.is_file()}
        return {str(path): path.read_bytes()}
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {error.strerror}.") from error


def _document(file: Path) -> Any:
    try:
        return jsonlib.loads(decoded(file.read_bytes(), str(file)))
    except OSError as error:
        raise ProjectError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ProjectError(f"{file} is not JSON: {error}. Save Graph's answer as it came.") from error
