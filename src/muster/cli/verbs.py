"""The verbs and where they stand. A verb's module is imported when it is called, so that help comes at once."""

from __future__ import annotations

import importlib
import keyword
from collections.abc import Mapping
from typing import Any, Final

import typer.core
import typer.main

VERBS: Final[Mapping[str, str]] = {
    "init": "Make a new project in a folder.",
    "check": "Say all that is wrong with the project's files.",
    "schema": "Write the JSON Schemas that editors complete from.",
    "plan": "Show every change a run would make, with its reason. Changes no connected system.",
    "apply": "Make the changes of a plan.",
    "run": "Plan and apply in one go, until nothing is left to do.",
    "provision": "Provision one person or group in one system now, and show each step.",
    "explain": "Say where each value of somebody comes from.",
    "expression": "Try out expressions and scopes.",
    "status": "Show systems, identities and open cases.",
    "log": "Show what earlier runs did.",
    "job": "Pause, resume and restart what keeps one system in step.",
    "joins": "Show the joins that wait for a person, and decide them.",
    "audit": "Verify that nobody touched the record of what was done.",
    "staging": "Compare two servers over the same systems, and switch over between them.",
    "serve": "Serve the embedded directory as Microsoft Graph, systems as SCIM, and agents, until it is stopped.",
    "directory": "Show the embedded directory, and say who may use it.",
    "gateway": "Show the systems that are served as SCIM, and say who may use them.",
    "agent": "Enrol agents that run connectors beside their systems, run one, list and revoke them.",
    "connector": "Propose a system file from an application's own description; start a connector of your own.",
    "import": "Bring the configuration of Entra and Entra Connect over.",
    "forget": "Let another system take the place of one that Muster knows.",
    "retire": "Give up the objects of a mapping whose file was removed.",
}
"""Verb → what it does, in the order of a first day's work."""

Command = typer.core.TyperCommand | typer.core.TyperGroup


class LazyGroup(typer.core.TyperGroup):
    """A group that knows its verbs by name and loads the one that is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands.update({name: typer.core.TyperCommand(name=name, help=text) for name, text in VERBS.items()})

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The verb that is called, from its module; the suggestion when there is none of that name."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else load(name), rest


def load(verb: str) -> Command:
    """The command of a verb."""
    name = f"{verb}_" if keyword.iskeyword(verb) else verb
    module = importlib.import_module(f"muster.cli.{name}")
    command = typer.main.get_command(module.app)
    assert isinstance(command, typer.core.TyperCommand | typer.core.TyperGroup)
    command.name = verb
    return command
