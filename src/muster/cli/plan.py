"""`muster plan`: every change a run would make, with its reason. Reads the systems, writes to none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from muster.cli import exitcodes
from muster.cli.clock import day
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, All, Full, Json
from muster.cli.progress import Progress
from muster.cli.render.plan import render_plan
from muster.cli.render.problems import tell_problems
from muster.project.diagnostics import listed
from muster.sync.imports.deletions import NOT_TAKEN_IN
from muster.sync.safety.limits import LIMITS

app = typer.Typer(**SETTINGS)


@app.command()
def plan(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option("-o", metavar="FILE", help="Write the plan down for apply.")] = None,
    system: Annotated[str | None, typer.Option("--system", metavar="S", help="Changes of this system only.")] = None,
    identity: Annotated[
        str | None, typer.Option("--identity", metavar="X", help="Changes of one identity: id, anchor or join value.")
    ] = None,
    full: Full = False,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="As it will be at the start of that day, UTC.")
    ] = None,
    allow_deletes: Annotated[
        bool, typer.Option("--allow-deletes", help="What was read as deleted counts as deleted, however much it is.")
    ] = False,
    everything: All = False,
    json: Json = False,
) -> int:
    """Show every change a run would make, with its reason. Changes no connected system."""
    invocation = Invocation.of(context, json)
    when = day(as_of, "--as-of") if as_of is not None else None
    with (
        Progress(invocation.streams.err) as progress,
        open_project(invocation, progress) as muster,
    ):
        document = muster.plan(system=system, identity=identity, full=full, as_of=when, allow_deletes=allow_deletes)
        if output is not None:
            muster.write_plan(document, output)
    if invocation.json:
        invocation.answer(document)
    else:
        shown = document if identity is None else {**document, "unmanaged": []}
        if when is not None:
            invocation.streams.out.print(f"By the start of {when} (UTC), if nobody changes anything until then:\n")
        about = (f" for {identity}" if identity else "") + (f" in {system}" if system else "")
        about += f" by {when}" if when is not None else ""
        render_plan(shown, invocation.streams.out, everything=everything or identity is not None, about=about)
    tell_problems(document, invocation)
    if output is not None:
        invocation.tell(f"Plan written to {output}. {_next(document, output, allow_deletes=allow_deletes)}")
    return exitcodes.of_plan(document)


def _next(document: Mapping[str, Any], file: Path, *, allow_deletes: bool) -> str:
    """How the changes that are in the file are made, those that a safety limit holds among them."""
    kinds = LIMITS | NOT_TAKEN_IN
    held = {entry["system"] for entry in document.get("held", ()) if entry["kind"] in kinds}
    held &= {change["system"] for change in document.get("changes", ())}
    if held or allow_deletes:
        where = f" (those of {listed(held)} are held until then)" if held else ""
        return f"If these changes are right, make them and no others{where}: muster apply {file} --allow-deletes"
    return f"To make these changes and no others: muster apply {file}"
