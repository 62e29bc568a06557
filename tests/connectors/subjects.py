"""The memory connector as a subject of the conformance kit."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from muster.connectors.kit.contract import Connector
from muster.connectors.kit.memory import MemoryConnector, MemoryObject, MemorySettings
from muster.connectors.kit.memory_system import MemorySystem
from muster.connectors.kit.subject import Subject
from muster.model.schema import ObjectSchema
from muster.model.secrets import Secret
from muster.model.values import Attribute, Document, Type

PASSWORD = Secret("open-sesame-42")


def account(assigned: bool = False) -> ObjectSchema:
    """An object type that has everything the contract knows."""
    attributes = [
        Attribute("id", required=True, writable="create"),
        Attribute("login", required=True, exact=False),
        Attribute("name"),
        Attribute("title"),
        Attribute("age", Type.INTEGER),
        Attribute("born", Type.DATE),
        Attribute("aliases", many=True),
        Attribute("members", Type.REFERENCE, many=True, large=True),
    ]
    return ObjectSchema(
        "account",
        "id",
        {attribute.name: attribute for attribute in attributes},
        assigned=assigned,
        can_enable=True,
        naming="login",
    )


class MemorySubject(Subject):
    """One object type of a memory system; a mutant's tests derive their own."""

    connector: ClassVar[type[Connector]] = MemoryConnector
    object_type = "account"
    text = "name"
    clearable = "title"
    many: str | None = "aliases"
    large = "members"
    deltas = True

    def __init__(self, name: str, assigned: bool = False) -> None:
        self.system = MemorySystem(name, [account(assigned)], password=PASSWORD, page_size=3)
        self.assigned = assigned

    def open(self) -> Connector:
        return self._connector(self.system.name, PASSWORD)

    def reset(self) -> None:
        self.system.faults.break_after_pages = None
        for anchor, _ in list(self.system.listed("account", None)):
            self.system.remove("account", anchor)

    def sample(self, n: int) -> Document:
        values: Document = {
            "login": f"user{n}",
            "name": f"User {n}",
            "title": "Engineer",
            "age": 30 + n,
            "born": "1990-01-31",
            "aliases": [f"alias{n}"],
        }
        return values if self.assigned else {"id": f"A{n}", **values}

    def renamed(self, _n: int) -> Document | None:
        return {"login": f"renamed{_n}"}

    def refused(self, _n: int) -> Document | None:
        return {**self.sample(_n), "age": "old"}

    def unreachable(self) -> Connector | None:
        return self._connector("nobody", PASSWORD)

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        wrong = Secret("wrong-sesame-43")
        return self._connector(self.system.name, wrong), wrong

    def broken_read(self) -> Connector | None:
        for number in range(1, 8):
            if self.system.get("account", f"A{number}") is None:
                self.system.put("account", f"A{number}", {"id": f"A{number}", **self.sample(number)})
        self.system.faults.break_after_pages = 1
        return self.open().__enter__()

    def expired(self) -> str | None:
        since = self.system.watermark()
        self.system.forget_changes()
        return since

    # behind the connector's back, so that a mutant cannot hide

    def add(self, n: int) -> str:
        anchor = self.system.next_anchor() if self.assigned else f"A{n}"
        self.system.put("account", anchor, {"enabled": True, **self.sample(n), "id": anchor})
        return anchor

    def change(self, anchor: str, values: Document) -> None:
        stored = self.system.get("account", anchor)
        assert stored is not None
        self.system.put("account", anchor, {**stored.values, **values})

    def remove(self, anchor: str) -> None:
        self.system.remove("account", anchor)

    def _connector(self, name: str, password: Secret) -> Connector:
        settings = MemorySettings(system=name, password=password)
        return self.connector("memory", settings, {"account": MemoryObject()}, Path())


def subject_of(made: type[Connector]) -> MemorySubject:
    """A subject for a connector that derives from the memory connector."""

    class Derived(MemorySubject):
        connector = made

    return Derived(made.__name__)
