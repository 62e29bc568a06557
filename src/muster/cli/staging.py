"""`muster staging`: two servers over the same systems, of which one writes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from muster.app.picture import write_picture
from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, All, Full, Json, Why
from muster.cli.progress import Progress
from muster.cli.render.problems import tell_problems
from muster.cli.render.staging import render_difference
from muster.cli.render.words import count
from muster.cli.who import me
from muster.model.errors import ProjectError

app = typer.Typer(
    help="Compare two servers over the same systems, and switch over between them.", no_args_is_help=True, **SETTINGS
)


@app.command()
def diff(
    context: typer.Context,
    other: Annotated[
        Path,
        typer.Option(
            "--with", metavar="FOLDER|FILE", help="The other server's project folder, or its `muster staging export`."
        ),
    ],
    full: Full = False,
    everything: All = False,
    json: Json = False,
) -> int:
    """Compare what this server and another one would do, and whom they take each object for. Writes to no system."""
    invocation = Invocation.of(context, json)
    with (
        Progress(invocation.streams.err) as progress,
        open_project(invocation, progress) as muster,
    ):
        document = muster.compare(other.expanduser().resolve(), full=full)
    if invocation.json:
        invocation.answer(document)
    else:
        render_difference(document, invocation.streams.out, everything=everything)
    tell_problems({key: [_with_side(problem) for problem in document[key]] for key in ("held", "errors")}, invocation)
    return exitcodes.of_difference(document)


def _with_side(problem: dict[str, Any]) -> dict[str, Any]:
    """A problem that says whose it is."""
    side = "in staging" if problem["server"] == "staging" else "in the active one"
    return {**problem, "message": f"{side}: {problem['message']}"}


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write. It names everybody.")],
    json: Json = False,
) -> int:
    """Write down what `staging diff` on the other server needs, where that one cannot reach this one's folder."""
    invocation = Invocation.of(context, json)
    with (
        Progress(invocation.streams.err) as progress,
        open_project(invocation, progress) as muster,
    ):
        found = muster.picture()
    path = file.expanduser().absolute()
    write_picture(found, path)
    document = {
        "file": str(path),
        "role": found["server"]["role"],
        "changes": len(found["plan"]["changes"]),
        "objects": len(found["objects"]),
        "identities": len(found["identities"]),
    }
    if invocation.json:
        invocation.answer(document)
    else:
        about = f"{count(document['changes'], 'change')}, {count(document['objects'], 'object')}"
        invocation.streams.out.print(
            f"Written to {file}: {about}. On the other server: muster staging diff --with FILE"
        )
    return exitcodes.DONE


@app.command()
def promote(
    context: typer.Context,
    other: Annotated[
        Path | None,
        typer.Option("--with", metavar="FOLDER", help="The project folder of the server that is active now; it stops."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="The other server cannot be reached, and I know that it does not write.")
    ] = False,
    why: Why = "",
    json: Json = False,
) -> int:
    """Make this server the active one, and the other one not. Refuses where the other one may still write."""
    invocation = Invocation.of(context, json)
    if other is not None and other.expanduser().is_file():
        raise ProjectError(
            f"--with {other}: is a file. To stop a server, its project folder is needed; where that cannot be reached, "
            "demote it there first (muster staging demote), then: muster staging promote --force"
        )
    with open_project(invocation) as muster:
        document = muster.promote(other.expanduser().resolve() if other else None, by=me(), why=why, force=force)
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    print_ = invocation.streams.out.print
    if not document["changed"]:
        print_("This server is active already; nothing was changed.")
        return exitcodes.DONE
    if document["stopped"]:
        print_(f"The server of {other} writes no more.")
    print_("This server is active. What it will write: muster plan")
    if document["untold"]:
        invocation.tell(
            f"The server of {other} does not know it yet, and is told as soon as a run of this one can reach it. Until "
            "then make sure that it does not run: two active servers undo each other's work."
        )
    if document["overruled"]:
        invocation.tell("muster.yaml: `staging: true` no longer counts here. Take it out.")
    return exitcodes.DONE


@app.command()
def demote(context: typer.Context, why: Why = "", json: Json = False) -> int:
    """Make this server write to no system any more, until it is promoted."""
    invocation = Invocation.of(context, json)
    with open_project(invocation) as muster:
        document = muster.demote(by=me(), why=why)
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    out = invocation.streams.out
    out.print("This server writes no more." if document["changed"] else "This server is demoted already.")
    if not document["staging"]:
        invocation.tell("So that a run here is no error, put `staging: true` into muster.yaml.")
    return exitcodes.DONE
