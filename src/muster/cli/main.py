"""Start: the group of verbs, and how every way to end is said."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer
import typer.main

from muster import __version__
from muster.cli import exitcodes
from muster.cli.clock import set_clock
from muster.cli.failing import report_error, report_misuse
from muster.cli.invocation import Invocation
from muster.cli.options import SETTINGS
from muster.cli.verbs import LazyGroup
from muster.model.errors import MusterError, ProjectError

_INTERRUPTED = 130

app = typer.Typer(
    name="muster",
    cls=LazyGroup,
    help="Keep every account in step with the person it belongs to.",
    no_args_is_help=True,
    **SETTINGS,
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"muster {__version__}\n")
        raise typer.Exit()


@app.callback()
def muster(
    context: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Option("-C", metavar="DIR", help="The project folder. [default: the nearest muster.yaml upward]"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As after the verb: print one JSON document.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """Keep every account in step with the person it belongs to."""
    del version
    invocation: Invocation = context.obj
    if directory is not None and not directory.is_dir():
        raise ProjectError(
            f"-C {directory}: there is no such folder. Name the one with muster.yaml in it, or make it: "
            f"muster init {directory}"
        )
    invocation.directory = directory
    invocation.json_first = json
    invocation.now = set_clock(os.environ)


def main(arguments: Sequence[str], invocation: Invocation) -> int:
    """Do what the arguments say and give the exit code. Only a bug raises."""
    invocation.json = "--json" in arguments
    try:
        code = typer.main.get_command(app).main(
            list(arguments), prog_name="muster", standalone_mode=False, obj=invocation
        )
    except MusterError as error:
        report_error(error, invocation)
        return exitcodes.WRONG
    except typer.TyperException as error:
        report_misuse(error, invocation)
        return exitcodes.WRONG
    except typer.Abort:
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        invocation.tell("Stopped. Nothing is lost; run again to go on.")
        return exitcodes.WRONG
    return code if isinstance(code, int) else exitcodes.DONE


def run() -> None:
    """The command with the arguments of this process."""
    invocation = Invocation()

    def bug(_: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        importlib.import_module("muster.cli.crash").report(error.with_traceback(trace), invocation)

    sys.excepthook = bug
    sys.exit(main(sys.argv[1:], invocation))
