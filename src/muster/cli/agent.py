"""`muster agent`: enrol machines beside the systems, run there, and say who may."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from muster.agents.agent import Agent
from muster.agents.bindings import Bindings
from muster.agents.enrolling import enrolled
from muster.agents.registry import Registry
from muster.agents.state import FOLDER, SECRETS, AgentState
from muster.agents.state import loaded as loaded_state
from muster.agents.trust import fingerprint
from muster.app.agents import list_agents, make_code, open_registry, revoke_agent
from muster.app.check import CheckFailed, loaded
from muster.app.directory import address_of
from muster.cli import exitcodes
from muster.cli.invocation import Invocation
from muster.cli.opening import project_folder
from muster.cli.options import SETTINGS, Json
from muster.cli.render.words import safe
from muster.project.configuration import Project
from muster.server.certificates import certificate_of
from muster.server.logs import log_to_stderr

app = typer.Typer(help="Agents that run connectors beside their systems.", no_args_is_help=True, **SETTINGS)

State = Annotated[Path, typer.Option("--state", metavar="FOLDER", help="The agent's own folder.")]


@app.command()
def code(
    context: typer.Context,
    group: Annotated[str, typer.Argument(metavar="GROUP", help="The group, as system files name it in `agents:`.")],
    minutes: Annotated[int, typer.Option("--minutes", min=1, max=1440, help="For how long it is good.")] = 15,
    json: Json = False,
) -> int:
    """Print a code with which one agent can enrol, once and soon, and the command for it. Run it on the server."""
    invocation = Invocation.of(context, json)
    with _opened(invocation) as (project, registry):
        document = make_code(registry, group, minutes)
        found = certificate_of(project.server, project.folder)
        address = _address(project)
    pem = found.certificate.read_text("ascii")
    document |= {"server": address, "fingerprint": fingerprint(pem) if found.own else None}
    pin = f" --fingerprint {document['fingerprint']}" if document["fingerprint"] else ""
    document["command"] = f"muster agent enrol --server {address} --code {document['code']}{pin}"
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    invocation.streams.out.print(document["command"])
    invocation.tell(
        f"Run this on the agent's machine, once, before {document['expires']}. The code is shown this once."
    )
    if project.server.host in ("127.0.0.1", "::1", "localhost") and project.server.address is None:
        invocation.tell(
            "The server listens for this machine alone. For agents elsewhere, set `server.listen` in muster.yaml, such "
            "as 0.0.0.0:8443, and `server.address`."
        )
    return exitcodes.DONE


@app.command()
def enrol(
    context: typer.Context,
    server: Annotated[
        list[str], typer.Option("--server", metavar="URL", help="The Muster server; more than once for more.")
    ],
    code: Annotated[str, typer.Option("--code", metavar="CODE", help="What `muster agent code` printed.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The agent's name. [default: this machine's]")
    ] = None,
    state: State = Path(FOLDER),
    fingerprint: Annotated[
        list[str] | None,
        typer.Option("--fingerprint", metavar="SHA256", help="Believe the certificate with this fingerprint alone."),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="Believe the certificates of this file (PEM).")
    ] = None,
    connector: Annotated[
        list[str] | None,
        typer.Option("--connector", metavar="NAME", help="Run no other connectors; more than once for more."),
    ] = None,
    json: Json = False,
) -> int:
    """Make this machine an agent. Run it beside the system."""
    invocation = Invocation.of(context, json)
    made = enrolled(
        state.expanduser().absolute(),
        server,
        code,
        name or socket.gethostname(),
        fingerprints=fingerprint or (),
        ca=ca,
        connectors=connector or (),
    )
    document = _document(made)
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    invocation.streams.out.print(f"The agent {safe(made.name)} is enrolled in the group {safe(made.group)}.")
    invocation.tell(
        f"Put the secrets that its systems need into {made.folder / SECRETS}, one file each, then: "
        f"muster agent run{'' if str(state) == FOLDER else f' --state {state}'}"
    )
    return exitcodes.DONE


@app.command()
def run(context: typer.Context, state: State = Path(FOLDER), json: Json = False) -> int:
    """Run connectors for the server, until SIGTERM or Ctrl-C. Opens connections, and listens for none."""
    invocation = Invocation.of(context, json)
    found = loaded_state(state.expanduser().absolute())
    log_to_stderr()
    agent = Agent(found)

    def stop(*_: object) -> None:
        agent.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    agent.run(lambda: _tell(found, invocation))
    if not invocation.json:
        invocation.tell("Stopped.")
    return exitcodes.DONE


@app.command()
def allow(
    context: typer.Context,
    request: Annotated[
        str | None,
        typer.Argument(metavar="REQUEST", help="What the refusal called it; without it, what waits is shown."),
    ] = None,
    state: State = Path(FOLDER),
    json: Json = False,
) -> int:
    """Let this agent's secrets go where they were refused. Run it on the agent's machine, once you know why."""
    invocation = Invocation.of(context, json)
    bindings = Bindings(loaded_state(state.expanduser().absolute()).folder)
    document = bindings.document()
    if request is None:
        if invocation.json:
            invocation.answer(document)
        else:
            _show_requests(document, invocation)
        return exitcodes.DONE
    bindings.allow(request)
    allowed = next(one for one in document["waiting"] if one["request"] == request)
    if invocation.json:
        invocation.answer({"allowed": allowed})
        return exitcodes.DONE
    _show_request(allowed, invocation)
    invocation.streams.out.print("Allowed, from the next session on, on this agent alone.")
    return exitcodes.DONE


@app.command("list")
def show(context: typer.Context, json: Json = False) -> int:
    """List the agents, their groups and versions, and when they were last seen."""
    invocation = Invocation.of(context, json)
    with _opened(invocation) as (project, registry):
        document = list_agents(project, registry, datetime.now(UTC))
    if invocation.json:
        invocation.answer(document)
        return exitcodes.DONE
    out = invocation.streams.out
    if not document["agents"]:
        out.print("No agent is enrolled. Begin with: muster agent code GROUP")
    for one in document["agents"]:
        seen = f"last seen {one['seen']}" if one["seen"] else "never seen"
        out.print(f"{safe(one['agent'])}  {safe(one['group'])}  {one['state']}  {seen}  Muster {safe(one['version'])}")
        if one["trouble"]:
            out.print(f"  {safe(one['trouble'])}")
    for lack in document["lacking"]:
        out.print(f"{lack['system']} has no agent: muster agent code {lack['group']}")
    if document["agents"] and not document["servers"]:
        invocation.tell("No server is running on this project, so nobody knows which agents are here: muster serve")
    return exitcodes.DONE


@app.command()
def revoke(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The agent's name.")],
    json: Json = False,
) -> int:
    """Send an agent away for good, at once; what it was doing is given to another of its group."""
    invocation = Invocation.of(context, json)
    with _opened(invocation) as (_, registry):
        document = revoke_agent(registry, name)
    if invocation.json:
        invocation.answer(document)
    else:
        invocation.streams.out.print(f"The agent {safe(document['revoked'])} is revoked.")
    return exitcodes.DONE


def _address(project: Project) -> str:
    """Where agents reach the server; by this machine's name, where it listens everywhere."""
    server = project.server
    everywhere = server.address is None and server.host in ("0.0.0.0", "::")
    return f"https://{socket.getfqdn()}:{server.port}" if everywhere else address_of(server)


def _show_requests(document: dict[str, Any], invocation: Invocation) -> None:
    for one in document["waiting"]:
        _show_request(one, invocation)
    if document["waiting"]:
        invocation.tell(
            "To allow one, and only where you know who changed the system file and why: muster agent allow REQUEST"
        )
        return
    invocation.streams.out.print("Nothing waits.")
    for one in document["bound"]:
        rest = ", ".join(f"{key} {value}" for key, value in one.items() if key not in ("secret", "system", "connector"))
        told = f"{one['secret']} may go to {one['system']} ({one['connector']}): {rest}"
        invocation.streams.out.print(safe(told))


def _show_request(one: dict[str, Any], invocation: Invocation) -> None:
    out = invocation.streams.out
    out.print(safe(f"{one['request']}  {one['system']} ({one['connector']}) asks for {', '.join(one['secrets'])}"))
    for change in one["changes"]:
        out.print(safe(f"  {change['setting']}  {change['from']} → {change['to']}"))
    for address in one["unencrypted"]:
        out.print(safe(f"  unencrypted to {address}"))
    for program in one["programs"]:
        out.print(safe(f"  runs {program}"))


@contextmanager
def _opened(invocation: Invocation) -> Iterator[tuple[Project, Registry]]:
    invocation.rehearsal()
    found = loaded(project_folder(invocation))
    if found.project is None:
        raise CheckFailed(found.errors)
    with open_registry(found.project, invocation.now) as registry:
        yield found.project, registry


def _document(state: AgentState) -> dict[str, Any]:
    return {"agent": state.name, "group": state.group, "servers": list(state.servers), "state": str(state.folder)}


def _tell(state: AgentState, invocation: Invocation) -> None:
    """Say that it serves. With `--json` the document comes now, not at the end: programs wait for it."""
    if invocation.json:
        invocation.answer(_document(state))
        return
    places = ", ".join(state.servers)
    invocation.streams.out.print(f"The agent {safe(state.name)} of the group {safe(state.group)} serves {places}")
    invocation.streams.flush()
