"""`muster apply`: make the changes of a plan, those and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import MOST_TOLD, SETTINGS, All, AllowDeletes, Json
from muster.cli.progress import Progress
from muster.cli.render.plan import render_result
from muster.cli.render.problems import tell_problems

app = typer.Typer(**SETTINGS)


@app.command()
def apply(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A plan of `muster plan -o FILE`. [default: the latest plan]"),
    ] = None,
    allow_deletes: AllowDeletes = False,
    everything: All = False,
    json: Json = False,
) -> int:
    """Make the changes of a plan."""
    invocation = Invocation.of(context, json)
    most = None if json or everything else MOST_TOLD
    with (
        Progress(invocation.streams.err) as progress,
        open_project(invocation, progress) as muster,
    ):
        document = muster.apply(file, allow_deletes=allow_deletes, most=most)
    if invocation.json:
        invocation.answer(document)
    else:
        render_result(document, invocation.streams.out, everything=everything)
    tell_problems(document, invocation)
    return exitcodes.of_result(document)
