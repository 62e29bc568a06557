"""`muster directory`: the embedded directory, and who may use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from muster.app.check import CheckFailed, loaded
from muster.app.directory import (
    add_app,
    add_app_secret,
    allow_app,
    list_apps,
    list_licences,
    open_directory,
    overview,
    remove_app,
    remove_app_secret,
    set_licence,
)
from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import project_folder
from muster.cli.options import SETTINGS, Json
from muster.cli.render.words import count, safe
from muster.directory.directory import Directory
from muster.directory.permissions import ALL, READ_ALL
from muster.model.errors import ProjectError
from muster.project.configuration import Server

app = typer.Typer(help="The embedded directory: what it holds, and who may use it.", **SETTINGS)
applications = typer.Typer(help="Applications that may use the directory, and their secrets.", **SETTINGS)
licences = typer.Typer(help="Licences that can be assigned to users.", **SETTINGS)
app.add_typer(applications, name="app")
app.add_typer(licences, name="licence")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The application's name, or its client id.")]
Permissions = Annotated[
    list[str] | None,
    typer.Option("--permission", metavar="P", help="What it may do, by Graph's names; more than once for more."),
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="It may read everything and write nothing.")]


@app.callback(invoke_without_command=True)
def directory(context: typer.Context, json: Json = False) -> int:
    """The embedded directory: what it holds, and who may use it. Without a command: an overview."""
    if context.invoked_subcommand is not None:
        return exitcodes.DONE
    invocation = Invocation.of(context, json)
    with _opened(invocation) as (opened, server):
        document = overview(opened, server)
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    held = ", ".join(f"{number} {name}" for name, number in document["objects"].items())
    deleted = sum(document["deleted"].values())
    _lines(
        invocation,
        ("organisation", safe(document["name"])),
        ("tenant", document["tenant"]),
        ("domains", ", ".join(document["domains"]) or "any"),
        ("holds", f"{held}; {count(deleted, 'deleted object')} to restore"),
        ("kept in", document["database"]),
        ("served at", f"{document['graph']} by `muster serve`"),
    )
    return exitcodes.DONE


@applications.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")],
    permission: Permissions = None,
    read_only: ReadOnly = False,
    json: Json = False,
) -> int:
    """Add an application, and print its secret, this once. It may do everything, unless the options say otherwise."""
    invocation = _invocation(context, json)
    with _opened(invocation) as (opened, server):
        document = add_app(opened, server, name, _wanted(permission, read_only) or ALL)
    return _told(invocation, document)


@applications.command("secret")
def secret(
    context: typer.Context,
    name: Name,
    remove: Annotated[str | None, typer.Option("--remove", metavar="ID", help="Remove this secret instead.")] = None,
    json: Json = False,
) -> int:
    """Make another secret and print it, this once; or remove one."""
    invocation = _invocation(context, json)
    with _opened(invocation) as (opened, server):
        if remove is not None:
            document = remove_app_secret(opened, name, remove)
            return _done(invocation, document, f"Secret {remove} is removed.")
        document = add_app_secret(opened, server, name)
    return _told(invocation, document)


@applications.command("allow")
def allow(
    context: typer.Context,
    name: Name,
    permission: Permissions = None,
    read_only: ReadOnly = False,
    json: Json = False,
) -> int:
    """Set what an application may do, from now on."""
    invocation = _invocation(context, json)
    wanted = _wanted(permission, read_only)
    if not wanted:
        raise ProjectError(f"What may it do? Name one --permission or more, or --read-only. Known: {', '.join(ALL)}")
    with _opened(invocation) as (opened, _):
        document = allow_app(opened, name, wanted)
    return _done(invocation, document, f"{safe(name)} may now: {', '.join(document['permissions'])}")


@applications.command("remove")
def remove(context: typer.Context, name: Name, json: Json = False) -> int:
    """Remove an application with its secrets. It is locked out at once."""
    invocation = _invocation(context, json)
    with _opened(invocation) as (opened, _):
        document = remove_app(opened, name)
    return _done(invocation, document, f"{safe(document['removed'])} is removed.")


@applications.command("list")
def show(context: typer.Context, json: Json = False) -> int:
    """List the applications, what they may do, and when their secrets expire."""
    invocation = _invocation(context, json)
    with _opened(invocation) as (opened, _):
        document = list_apps(opened)
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    out = invocation.streams.out
    if not document["applications"]:
        out.print("No application may use the directory. Add one: muster directory app add NAME")
    for one in document["applications"]:
        out.print(f"{safe(one['application'])}  {one['client_id']}")
        for each in one["secrets"]:
            out.print(f"  secret {each['begins']}…  until {each['expires'][:10]}  {each['id']}")
        out.print(f"  may: {'everything' if one['permissions'] == list(ALL) else ', '.join(one['permissions'])}")
    return exitcodes.DONE


@licences.command("set")
def set_units(
    context: typer.Context,
    part: Annotated[str, typer.Argument(metavar="PART", help="The product's part number, such as ENTERPRISEPACK.")],
    units: Annotated[int, typer.Argument(metavar="UNITS", min=0, help="How many can be assigned.")],
    plan: Annotated[
        list[str] | None, typer.Option("--plan", metavar="NAME", help="A service plan of it; more than once for more.")
    ] = None,
    json: Json = False,
) -> int:
    """Say how many licences of a product there are."""
    invocation = _invocation(context, json)
    with _opened(invocation) as (opened, _):
        document = set_licence(opened, part, units, plan or ())
    return _done(invocation, document, f"{safe(part)}: {units} units, {document['assigned']} assigned.")


@licences.command("list")
def show_licences(context: typer.Context, json: Json = False) -> int:
    """List the licences, and how many of them are assigned."""
    invocation = _invocation(context, json)
    with _opened(invocation) as (opened, _):
        document = list_licences(opened)
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    for one in document["licences"]:
        invocation.streams.out.print(f"{safe(one['part'])}  {one['assigned']} of {one['units']} assigned")
    return exitcodes.DONE


# --- how


@contextmanager
def _opened(invocation: Invocation) -> Iterator[tuple[Directory, Server]]:
    invocation.rehearsal()
    found = loaded(project_folder(invocation))
    if found.project is None:
        raise CheckFailed(found.errors)
    with open_directory(found.project, invocation.now) as opened:
        yield opened, found.project.server


def _wanted(permission: list[str] | None, read_only: bool) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(permission or ()), *(READ_ALL if read_only else ())]))


def _told(invocation: Invocation, document: dict[str, Any]) -> int:
    """A new secret, and all that a client is configured with."""
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    _lines(
        invocation,
        ("application", safe(document["application"])),
        ("client id", document["client_id"]),
        ("secret", document["secret"]),
        ("expires", document["expires"][:10]),
        ("tenant", document["tenant"]),
        ("authority", document["authority"]),
        ("graph", document["graph"]),
    )
    invocation.tell("The secret is shown this once; only its hash is kept.")
    return exitcodes.DONE


def _done(invocation: Invocation, document: dict[str, Any], words: str) -> int:
    if invocation.json:
        invocation.answer(document)
    else:
        invocation.streams.out.print(words)
    return exitcodes.DONE


def _lines(invocation: Invocation, *pairs: tuple[str, str]) -> None:
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        invocation.streams.out.print(f"{name:<{width}}  {value}")


def _invocation(context: typer.Context, json: bool) -> Invocation:
    """The invocation; `--json` counts before the command too."""
    above = context.parent
    while above is not None:
        json = json or bool(above.params.get("json"))
        above = above.parent
    return Invocation.of(context, json)
