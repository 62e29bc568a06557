"""The conformance kit's subjects, each reached through an agent."""

from __future__ import annotations

from typing import Any, Protocol, cast

from muster.agents.remote import Remote, remote_class
from muster.connectors.kit.contract import Connector
from muster.model.secrets import Secret
from tests.connectors.subjects import PASSWORD, MemorySubject

WRONG = Secret("wrong-sesame-43")
SECRETS = {"right": PASSWORD.reveal(), "wrong": WRONG.reveal()}
"""What the agent's own secrets are: the engine's side knows names alone."""


class Reached(Protocol):
    """A way to agents."""

    def remote(self, system: str, kind: type[Connector], settings: Any, objects: Any) -> Remote: ...


def remote_subject(kind: type[Connector], agents: Reached, assigned: bool = False) -> MemorySubject:
    """A memory system behind agents that speak to it with this connector."""

    class Derived(MemorySubject):
        connector = cast("type[Connector]", remote_class(kind))

        def _connector(self, name: str, password: Secret) -> Connector:
            secret = next(one for one, text in SECRETS.items() if text == password.reveal())
            settings = {"system": name, "password": f"${{secret:{secret}}}"}
            return cast("Connector", agents.remote("memory", kind, settings, {"account": None}))

    return Derived(f"{kind.__name__} behind agents", assigned)
