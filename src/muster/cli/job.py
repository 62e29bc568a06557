"""`muster job`: pause, resume and restart what keeps one system in step."""

from __future__ import annotations

from typing import Annotated

import typer

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, Json, Why
from muster.cli.who import me

app = typer.Typer(help="Pause, resume and restart what keeps one system in step.", no_args_is_help=True, **SETTINGS)

System = Annotated[str, typer.Argument(metavar="SYSTEM", help="A file of systems/, without .yaml.")]


@app.command()
def pause(context: typer.Context, system: System, why: Why = "", json: Json = False) -> int:
    """Read and write a system no more until it is resumed. A run that is at work stops there soon."""
    invocation = Invocation.of(context, json)
    with open_project(invocation) as muster:
        document = muster.pause(system, by=me(), why=why)
    if invocation.json:
        invocation.answer(document)
    else:
        said = "is paused: neither read nor written" if document["changed"] else "was paused already"
        invocation.streams.out.print(f"{system} {said}. Its changes wait. To go on: muster job resume {system}")
    return exitcodes.DONE


@app.command()
def resume(context: typer.Context, system: System, why: Why = "", json: Json = False) -> int:
    """Let a paused system go on from where it stopped."""
    invocation = Invocation.of(context, json)
    with open_project(invocation) as muster:
        document = muster.resume(system, by=me(), why=why)
    if invocation.json:
        invocation.answer(document)
    else:
        said = "goes on with the next run" if document["changed"] else "was not paused"
        invocation.streams.out.print(f"{system} {said}. Next: muster plan")
    return exitcodes.DONE


@app.command()
def restart(
    context: typer.Context,
    system: System,
    reset: Annotated[
        list[str] | None,
        typer.Option(
            "--reset",
            metavar="PART",
            help="watermark, quarantine-state, escrows, connector-data-store, force-deletes or full; may be given "
            "several times. Default: the first three.",
        ),
    ] = None,
    why: Why = "",
    json: Json = False,
) -> int:
    """Forget part of what is known of a system, so that the next run works it out again; resume it, too."""
    invocation = Invocation.of(context, json)
    words = [word.strip() for given in reset or () for word in given.split(",") if word.strip()]
    with open_project(invocation) as muster:
        document = muster.restart(system, words, by=me(), why=why)
    if invocation.json:
        invocation.answer(document)
    else:
        parts = ", ".join(document["reset"])
        invocation.streams.out.print(f"{system} is restarted: {parts}. What would follow: muster plan")
    return exitcodes.DONE
