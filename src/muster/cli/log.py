"""`muster log`: what earlier runs did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from muster.app.provisioning_log import Wanted
from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, Json
from muster.cli.render.log import render_log, render_provisioning_log

app = typer.Typer(**SETTINGS)


@app.command()
def log(
    context: typer.Context,
    run: Annotated[int | None, typer.Argument(metavar="RUN", help="One run, by its number, with every step.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many, newest first.")] = 20,
    provisioning: Annotated[
        bool, typer.Option("--provisioning", help="Not runs but what was done to each object, as Entra's log has it.")
    ] = False,
    system: Annotated[
        str | None, typer.Option("--system", metavar="S", help="With --provisioning: only this system.")
    ] = None,
    who: Annotated[
        str | None, typer.Option("--identity", metavar="X", help="With --provisioning: only this person or group.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="With --provisioning: from this day on (UTC).")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="With --provisioning: only what failed.")] = False,
    staged: Annotated[
        bool, typer.Option("--staged", help="With --provisioning: the deletes and disables that a limit holds back.")
    ] = False,
    skipped: Annotated[
        bool, typer.Option("--skipped", help="With --provisioning: who is passed over in a system, and why.")
    ] = False,
    json: Json = False,
) -> int:
    """Show what earlier runs did."""
    invocation = Invocation.of(context, json)
    if not provisioning and (system or who or since or failed or staged or skipped):
        raise typer.BadParameter("--system, --identity, --since, --failed, --staged, --skipped need --provisioning")
    if skipped and (failed or staged or run is not None):
        raise typer.BadParameter("--skipped goes with --system, --identity, --since and --limit alone")
    with open_project(invocation) as muster:
        if provisioning:
            from_day = _micros(since) if since is not None else None
            wanted = Wanted(limit, system, who, run, failed, from_day, staged, skipped)
            entries = muster.provisioning_log(wanted)
            if invocation.json:
                invocation.answer(entries)
            else:
                render_provisioning_log(entries, invocation.streams.out)
            return exitcodes.DONE
        document = muster.log(limit=limit, run=run)
    if invocation.json:
        invocation.answer(document)
    else:
        render_log(document, invocation.streams.out, steps=run is not None)
    return exitcodes.DONE


def _micros(day: str) -> int:
    """The start of the day."""
    try:
        at = datetime.fromisoformat(day)
    except ValueError:
        raise typer.BadParameter(f"--since {day}: expected a date such as 2026-03-31") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
