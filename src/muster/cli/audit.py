"""`muster audit`: whether the audit trail is unbroken."""

from __future__ import annotations

import typer

from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import open_project
from muster.cli.options import SETTINGS, Json
from muster.cli.render.words import count, safe

app = typer.Typer(**SETTINGS)


@app.command()
def audit(context: typer.Context, json: Json = False) -> int:
    """Verify that nobody touched the record of what was done. Connects to nothing."""
    invocation = Invocation.of(context, json)
    with open_project(invocation) as muster:
        document = muster.audit()
    breaches = document.get("breaches") or []
    held = f"{count(document.get('records') or 0, 'record')} over {count(document.get('changes') or 0, 'change')}"
    if document.get("decisions"):
        held += f" and {count(document['decisions'], 'decision')}"
    if invocation.json:
        invocation.answer(document)
    elif not breaches:
        invocation.streams.out.print(f"The audit trail is unbroken: {held}.")
    for breach in breaches:
        invocation.tell(safe(breach["message"]))
    if breaches:
        invocation.tell(
            f"The audit trail is broken ({count(len(breaches), 'breach', 'breaches')}; {held}): somebody or something "
            "wrote into the store beside Muster. Keep a copy of the store as it is now, before the next run."
        )
    return exitcodes.WRONG if breaches else exitcodes.DONE
