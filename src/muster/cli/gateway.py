"""`muster gateway`: which systems are served as SCIM, and who may use them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from muster.app.check import CheckFailed, loaded
from muster.app.directory import address_of
from muster.app.gateway import base_path, drop_token, list_tokens, make_token, overview
from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import project_folder
from muster.cli.options import SETTINGS, Json
from muster.cli.render.words import count, safe
from muster.project.configuration import Project
from muster.store.database import Database
from muster.store.opening import open_store

app = typer.Typer(help="Systems that are served as SCIM 2.0, and who may use them.", **SETTINGS)
tokens = typer.Typer(help="Tokens of clients, each for one system.", **SETTINGS)
app.add_typer(tokens, name="token")

System = Annotated[str, typer.Argument(metavar="SYSTEM", help="The system that it is for.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What you call it: whose it is.")]


@app.callback(invoke_without_command=True)
def gateway(context: typer.Context, json: Json = False) -> int:
    """Systems that are served as SCIM 2.0, and who may use them. Without a command: where they are."""
    if context.invoked_subcommand is not None:
        return exitcodes.DONE
    invocation = Invocation.of(context, json)
    with _opened(invocation) as (project, store):
        document = overview(project, store, address_of(project.server))
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    out = invocation.streams.out
    if not document["gateways"]:
        out.print("No system is served as SCIM. Add `gateway: {}` to a file of systems/, then: muster check")
    for one in document["gateways"]:
        shown = ", ".join(f"{name} = {kind}" for name, kind in one["resources"].items())
        out.print(f"{safe(one['system'])}  {one['address']}  {one['mode']}  {count(one['tokens'], 'token')}")
        out.print(f"  {safe(shown)}")
    return exitcodes.DONE


@tokens.command("add")
def add(
    context: typer.Context,
    system: System,
    name: Name,
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="For how long it is good. [default: for ever]")
    ] = None,
    me: Annotated[str | None, typer.Option("--me", metavar="ID", help="The id of the user that is /Me for it.")] = None,
    json: Json = False,
) -> int:
    """Make a token, and print it, this once."""
    invocation = Invocation.of(context, json)
    with _opened(invocation) as (project, store):
        document = make_token(project, store, system, name, days=days, me=me, now=invocation.now or datetime.now(UTC))
        document["address"] = base_path(address_of(project.server), system)
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    out = invocation.streams.out
    out.print(f"address  {document['address']}")
    out.print(f"token    {document['token']}")
    invocation.tell("Keep the token safe: it is shown this once. Who has it may read and write the whole system.")
    return exitcodes.DONE


@tokens.command("list")
def show(context: typer.Context, json: Json = False) -> int:
    """List the tokens, and until when they are good."""
    invocation = Invocation.of(context, json)
    with _opened(invocation) as (_, store):
        document = list_tokens(store)
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    out = invocation.streams.out
    if not document["tokens"]:
        out.print("There is no token. Make one: muster gateway token add SYSTEM NAME")
    for one in document["tokens"]:
        until = f"until {one['expires'][:10]}" if one["expires"] else "for ever"
        of = f"  /Me is {safe(one['me'])}" if one["me"] else ""
        out.print(f"{safe(one['system'])}  {safe(one['name'])}  {until}{of}")
    return exitcodes.DONE


@tokens.command("remove")
def remove(context: typer.Context, system: System, name: Name, json: Json = False) -> int:
    """Make a token worth nothing, within a second."""
    invocation = Invocation.of(context, json)
    with _opened(invocation) as (_, store):
        document: dict[str, Any] = drop_token(store, system, name)
    if invocation.json:
        invocation.answer(document)
    else:
        invocation.streams.out.print(f"The token {safe(name)} of {safe(system)} is removed.")
    return exitcodes.DONE


@contextmanager
def _opened(invocation: Invocation) -> Iterator[tuple[Project, Database]]:
    invocation.rehearsal()
    found = loaded(project_folder(invocation))
    if found.project is None:
        raise CheckFailed(found.errors)
    with open_store(found.project.store, found.project.folder) as store:
        yield found.project, store
