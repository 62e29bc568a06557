"""`muster run`: plan and apply in one go, until nothing is left to do."""

from __future__ import annotations

import typer

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import MOST_TOLD, SETTINGS, All, AllowDeletes, Full, Json
from muster.cli.progress import Progress
from muster.cli.render.plan import render_result
from muster.cli.render.problems import tell_problems

app = typer.Typer(**SETTINGS)


@app.command()
def run(
    context: typer.Context,
    allow_deletes: AllowDeletes = False,
    full: Full = False,
    everything: All = False,
    json: Json = False,
) -> int:
    """Plan and apply in one go, until nothing is left to do."""
    invocation = Invocation.of(context, json)
    most = None if json or everything else MOST_TOLD
    with (
        Progress(invocation.streams.err) as progress,
        open_project(invocation, progress) as muster,
    ):
        document = muster.run(allow_deletes=allow_deletes, full=full, most=most)
    if invocation.json:
        invocation.answer(document)
    else:
        render_result(document, invocation.streams.out, everything=everything)
    tell_problems(document, invocation)
    return exitcodes.of_result(document)
