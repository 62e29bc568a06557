"""A whole Muster in a test: a project folder, memory systems, a clock that is set, and the verbs.

    world = World(tmp_path)
    hr = world.source("hr", "worker", rows={"1001": {"employee_id": "1001", "first": "Ada"}}, mapping='''...''')
    app = world.target("app", "account", anchor="login", mapping='''...''')
    world.run()
    assert app.values("ada")["name"] == "Ada"

Mappings are YAML texts without their `system:` and `object:` lines.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from muster.app.muster import Muster
from muster.connectors.kit.memory_system import MemorySystem
from muster.model.schema import ENABLED_ATTRIBUTE, ObjectSchema
from muster.model.values import Attribute, Document, Type, Value

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class MemorySide:
    """One object type of one memory system, as a test sees and edits it behind Muster's back."""

    def __init__(self, system: MemorySystem, kind: str) -> None:
        self.system = system
        self.kind = kind

    def put(self, anchor: str, **values: Value) -> None:
        """Make or replace an object by another hand."""
        self.system.put(self.kind, anchor, {**values})

    def edit(self, anchor: str, **values: Value) -> None:
        """Change some attributes by another hand; None clears."""
        now = {**self.values(anchor), **values}
        self.system.put(self.kind, anchor, {name: value for name, value in now.items() if value is not None})

    def remove(self, anchor: str) -> None:
        """Delete by another hand."""
        self.system.remove(self.kind, anchor)

    def edges(self, anchor: str, attribute: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add to and remove from a large reference by another hand."""
        self.system.put_edges(self.kind, anchor, attribute, add, remove)

    def values(self, anchor: str) -> Document:
        """What the object holds."""
        stored = self.system.get(self.kind, anchor)
        assert stored is not None, f"{self.kind} {anchor} is not there; there are {sorted(self.all())}"
        return dict(stored.values)

    def members(self, anchor: str, attribute: str) -> set[str]:
        """What a large reference holds."""
        stored = self.system.get(self.kind, anchor)
        assert stored is not None
        return set(stored.edges.get(attribute, {}))

    def all(self) -> dict[str, Document]:
        """Every object by anchor."""
        return {
            anchor: dict(stored.values) for anchor, stored in self.system.listed(self.kind, None) if stored is not None
        }


def attribute(name: str, spec: str) -> Attribute:
    """`text`, `boolean`, `[text]`, `reference`, `[reference] large`, with ` inexact`, ` create`, ` never` behind."""
    words = spec.split()
    many = words[0].startswith("[")
    return Attribute(
        name,
        Type(words[0].strip("[]")),
        many=many,
        exact="inexact" not in words,
        large="large" in words,
        required="required" in words,
        writable="create" if "create" in words else "never" if "never" in words else "always",
    )


def schema(
    kind: str,
    anchor: str,
    attributes: Mapping[str, str],
    *,
    enabled: bool = True,
    assigned: bool = False,
    **more: Any,
) -> ObjectSchema:
    """An object type; attributes not listed are text."""
    found = {name: attribute(name, spec) for name, spec in attributes.items()}
    found.setdefault(anchor, Attribute(anchor))
    if enabled:
        found["enabled"] = ENABLED_ATTRIBUTE
    return ObjectSchema(kind, anchor, found, assigned=assigned, can_enable=enabled, open=True, **more)


class World:
    """A project in a folder of the test, over memory systems."""

    def __init__(self, folder: Path, *, store: str = "sqlite:///.muster/state.db", safety: str = "") -> None:
        self.folder = folder
        self.now = START
        self._systems: list[MemorySystem] = []
        self.write("muster.yaml", f"project: test\nstore: {store}\n{textwrap.dedent(safety)}")
        for name in ("systems", "mappings"):
            (folder / name).mkdir(exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the memory systems."""
        for system in self._systems:
            system.close()

    # --- the project

    def write(self, file: str, text: str) -> None:
        """Write a file of the project."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")

    def mapping(self, name: str, system: str, kind: str, text: str) -> None:
        """Write a mapping file."""
        self.write(f"mappings/{name}.yaml", f"system: {system}\nobject: {kind}\n{textwrap.dedent(text)}")

    def drop(self, file: str) -> None:
        """Delete a file of the project."""
        (self.folder / file).unlink()

    def system(self, name: str, *schemas: ObjectSchema, extra: str = "") -> MemorySystem:
        """A memory system and its system file."""
        system = MemorySystem(f"{name}-{uuid4().hex}", schemas)
        self._systems.append(system)
        objects = "".join(f"  {one.name}: {{}}\n" for one in schemas)
        self.write(
            f"systems/{name}.yaml",
            f"connector: memory\nsettings: {{system: {system.name}}}\nobjects:\n{objects}{textwrap.dedent(extra)}",
        )
        return system

    def source(
        self,
        name: str,
        kind: str,
        *,
        mapping: str,
        rows: Mapping[str, Mapping[str, Value]] | None = None,
        anchor: str = "id",
        attributes: Mapping[str, str] | None = None,
        extra: str = "",
    ) -> MemorySide:
        """A system of one type with a mapping `NAME-KIND`, filled with rows."""
        system = self.system(name, schema(kind, anchor, attributes or {}, enabled=False), extra=extra)
        self.mapping(f"{name}-{kind}", name, kind, mapping)
        for key, values in (rows or {}).items():
            system.put(kind, key, {anchor: key, **values})
        return MemorySide(system, kind)

    def target(
        self,
        name: str,
        kind: str,
        *,
        mapping: str,
        anchor: str = "login",
        attributes: Mapping[str, str] | None = None,
        extra: str = "",
        **more: Any,
    ) -> MemorySide:
        """A system of one type with a mapping `NAME-KIND`, empty."""
        system = self.system(name, schema(kind, anchor, attributes or {}, **more), extra=extra)
        self.mapping(f"{name}-{kind}", name, kind, mapping)
        return MemorySide(system, kind)

    # --- the verbs

    def muster(self) -> Muster:
        """The project, opened with the world's clock."""
        return Muster.open(self.folder, now=self.now)

    def plan(self, **options: Any) -> dict[str, Any]:
        """`muster plan --json`."""
        with self.muster() as muster:
            return muster.plan(**options)

    def run(self, **options: Any) -> dict[str, Any]:
        """`muster run --json`."""
        with self.muster() as muster:
            return muster.run(**options)

    def apply(self, path: Path | None = None, **options: Any) -> dict[str, Any]:
        """`muster apply --json`."""
        with self.muster() as muster:
            return muster.apply(path, **options)

    def explain(self, who: str, system: str | None = None, attribute: str | None = None) -> dict[str, Any]:
        """`muster explain --json`."""
        with self.muster() as muster:
            return muster.explain(who, system, attribute)

    def status(self) -> dict[str, Any]:
        """`muster status --json`."""
        with self.muster() as muster:
            return muster.status()

    def wait(self, **time: int) -> None:
        """Let time pass: `world.wait(days=30)`."""
        self.now += timedelta(**time)

    def hold(self, who: str, kind: str, **options: Any) -> None:
        """Put a hold on an identity."""
        with self.muster() as muster:
            muster.hold(who, kind, **options)

    def identity(self, who: str) -> Document:
        """The values of an identity by name."""
        return {entry["name"]: entry["value"] for entry in self.explain(who)["attributes"]}


def changed(document: Mapping[str, Any], system: str | None = None) -> list[tuple[str, str, str | None]]:
    """(system, action, anchor) of each change, in order."""
    return [
        (change["system"], change["action"], change["anchor"])
        for change in document["changes"]
        if system is None or change["system"] == system
    ]


def the_change(document: Mapping[str, Any], system: str, anchor: str | None = None) -> dict[str, Any]:
    """The one change of a system (of one object)."""
    found = [
        change
        for change in document["changes"]
        if change["system"] == system and (anchor is None or change["anchor"] == anchor)
    ]
    assert len(found) == 1, [(c["action"], c["anchor"], c["attributes"]) for c in found]
    one: dict[str, Any] = found[0]
    return one


def kinds(problems: Iterable[Mapping[str, Any]]) -> list[str]:
    """The kinds of some problems, sorted."""
    return sorted(problem["kind"] for problem in problems)


__all__ = ["START", "MemorySide", "World", "attribute", "changed", "date", "kinds", "schema", "the_change"]
