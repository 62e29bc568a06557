"""`muster serve`: the embedded directory as Microsoft Graph, systems as SCIM, the place of agents, until stopped."""

from __future__ import annotations

import typer

from muster.app.check import CheckFailed, loaded
from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import project_folder
from muster.cli.options import SETTINGS, Json
from muster.server.serving import Serving
from muster.server.serving import serve as serve_project

app = typer.Typer(**SETTINGS)


@app.command()
def serve(context: typer.Context, json: Json = False) -> int:
    """Serve the embedded directory as Microsoft Graph, systems as SCIM 2.0, and agents, until SIGTERM or Ctrl-C."""
    invocation = Invocation.of(context, json)
    invocation.rehearsal()
    found = loaded(project_folder(invocation))
    if found.project is None:
        raise CheckFailed(found.errors)
    serve_project(found.project, lambda serving: _tell(serving, invocation), invocation.now)
    if not invocation.json:
        invocation.tell("Stopped.")
    return exitcodes.DONE


def _tell(serving: Serving, invocation: Invocation) -> None:
    """Say where it is. With `--json` the document comes now, not at the end: programs wait for it."""
    document = serving.document()
    if invocation.json:
        invocation.answer(document)
        return
    out = invocation.streams.out
    out.print(f"Microsoft Graph   {document['graph']}")
    out.print(f"authority         {document['authority']}")
    out.print(f"tenant            {document['tenant']}")
    for system, address in document["scim"].items():
        out.print(f"SCIM              {address}  ({system})")
    if document["certificate"]:
        out.print(f"certificate       {document['certificate']}  (signed by itself: clients must be told to trust it)")
    out.print("A client needs an application: muster directory app add NAME")
    invocation.streams.flush()
