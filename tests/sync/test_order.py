"""No order dependence: the same inputs give the same metaverse and plan, whichever system or row is read first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.connectors.kit.memory_system import MemorySystem
from muster.model.values import Document, items
from muster.store.codec import decode
from muster.sync.run import Run
from tests.sync.world import World, schema

Rows = Mapping[str, Mapping[str, Document]]
"""System → anchor → values."""

MAPPINGS: Final = {
    "hr": (
        "worker",
        """
        identity: person
        project: true
        join: [{employeeId: '[id]'}]
        inbound:
          precedence: 10
          flows:
            employeeId: '[id]'
            givenName: '[name]'
            mail: '[mail]'
            manager: {reference: '[boss]', to: worker}
            active: {value: 'true', merge: any}
        """,
    ),
    "side": (
        "guest",
        """
        identity: person
        project: true
        join: [{mail: '[mail]'}, {employeeId: '[emp]'}]
        inbound:
          precedence: 20
          flows: {givenName: '[name]', mail: '[mail]', city: '[room]', active: {value: 'true', merge: any}}
        """,
    ),
    "badge": (
        "card",
        """
        identity: person
        join: [{employeeId: '[emp]'}, {mail: '[mail]'}]
        inbound: {precedence: 30, flows: {city: '[room]', manager: {reference: '[boss]', to: person.employeeId}}}
        """,
    ),
    "club": (
        "team",
        """
        identity: group
        project: true
        inbound: {precedence: 10, flows: {displayName: '[name]', members: {references: '[member]', to: hr/worker}}}
        """,
    ),
}
APP: Final = """
identity: person
join: [{employeeId: '[emp]'}]
outbound:
  provision: '[active]'
  flows:
    login: 'SelectUniqueValue(ToLower([givenName]), ToLower([givenName]) & "2", ToLower([givenName]) & "3")'
    emp: '[employeeId]'
    city: '[city]'
    teams: '[memberOf]'
    manager: {reference: '[manager]'}
"""


@contextmanager
def company(folder: Path) -> Iterator[tuple[World, dict[str, MemorySystem]]]:
    """Four sources and an application."""
    with World(folder) as world:
        systems: dict[str, MemorySystem] = {}
        for name, (kind, mapping) in MAPPINGS.items():
            member = {"member": "[reference] large"} if kind == "team" else {}
            systems[name] = world.system(name, schema(kind, "id", member, enabled=False))
            world.mapping(f"{name}-{kind}", name, kind, mapping)
        world.target("app", "account", mapping=APP, attributes={"manager": "reference", "teams": "[text]"})
        yield world, systems


def show(systems: Mapping[str, MemorySystem], rows: Rows, order: Random) -> None:
    """Make the sources hold these rows, and nothing else, in some order."""
    for name, system in systems.items():
        kind = MAPPINGS[name][0]
        wanted = rows.get(name, {})
        for anchor in [a for a, _ in system.listed(kind, None) if a not in wanted]:
            system.remove(kind, anchor)
        anchors = sorted(wanted)
        order.shuffle(anchors)
        system.page_size = order.choice([1, 2, 1000])
        for anchor in anchors:
            put(system, kind, anchor, wanted[anchor])


def put(system: MemorySystem, kind: str, anchor: str, values: Document) -> None:
    members = {str(one) for one in items(values.get("member"))}
    document: Document = {n: v for n, v in values.items() if n != "member" and v is not None}
    system.put(kind, anchor, {"id": anchor, **document})
    stored = system.get(kind, anchor)
    if kind == "team" and stored is not None:
        had = set(stored.edges.get("member", {}))
        system.put_edges(kind, anchor, "member", sorted(members - had), sorted(had - members))


def metaverse(world: World, *, uids: bool = True) -> dict[str, Any]:
    """Everything that the inputs decide: people, their objects, edges and cases, by names that no order gives."""
    with world.muster() as muster, muster.database.read() as session:
        name: dict[int, str] = {}
        members: dict[int, list[str]] = {}
        for number, system, anchor in session.rows(
            "SELECT o.identity, s.system, o.anchor FROM object o JOIN space s ON s.id = o.space "
            "WHERE o.identity IS NOT NULL AND o.gone = 0 AND s.system <> 'app' ORDER BY s.system, o.anchor"
        ):
            members.setdefault(number, []).append(f"{system}/{anchor}")
        people = {}
        for number, uid, data, leaving in session.rows("SELECT id, uid, doc, leaving FROM identity"):
            name[number] = uid if uids else " ".join(members[number])
            people[name[number]] = (members.get(number), decode(data), leaving)
        edges = {
            (name[owner], attribute, key, name.get(target))
            for owner, attribute, key, target in session.rows("SELECT owner, attribute, key, target FROM edge")
        }
        cases = {
            (kind, anchor, frozenset(name[n] for n in orjson.loads(identities)))
            for kind, anchor, identities in session.rows(
                "SELECT c.kind, o.anchor, c.identities FROM cases c JOIN object o ON o.id = c.object"
            )
        }
    return {"people": people, "edges": edges, "cases": cases}


def planned(document: Mapping[str, Any]) -> list[Any]:
    """The changes of a plan, without the numbers that stand for nothing."""
    return sorted(
        (
            c["system"],
            c["action"],
            c["anchor"] or "",
            c["identity"],
            orjson.dumps(c["attributes"], option=orjson.OPT_SORT_KEYS),
        )
        for c in document["changes"]
    )


def outcome(folder: Path, states: Sequence[Rows], order: Random) -> list[Any]:
    """What becomes of the states one after the other, read in some order of systems and rows."""

    def shuffled(names: Sequence[str]) -> list[str]:
        found = sorted(names)
        order.shuffle(found)
        return found

    found: list[Any] = []
    with company(folder) as (world, systems), pytest.MonkeyPatch.context() as patch:
        patch.setattr("muster.app.muster.Run", partial(Run, order=shuffled))
        for state in states:
            show(systems, state, order)
            found.append(planned(world.plan(full=True)))
            world.run(allow_deletes=True)
            found.append(metaverse(world))
            found.append(planned(world.plan()))
    return found


NAMES = st.sampled_from(["Ada", "Bo"])
MAILS = st.sampled_from([None, "a@x", "b@x", "c@x"])
NUMBERS = st.sampled_from(["1", "2", "3"])
MAYBE = st.one_of(st.none(), NUMBERS)
STATES: st.SearchStrategy[Rows] = st.fixed_dictionaries(
    {
        "hr": st.dictionaries(
            NUMBERS, st.fixed_dictionaries({"name": NAMES, "mail": MAILS, "boss": MAYBE}), max_size=3
        ),
        "side": st.dictionaries(
            st.sampled_from("st"),
            st.fixed_dictionaries({"name": NAMES, "mail": MAILS, "emp": MAYBE, "room": NAMES}),
            max_size=2,
        ),
        "badge": st.dictionaries(
            st.sampled_from("cd"),
            st.fixed_dictionaries({"emp": MAYBE, "mail": MAILS, "room": NAMES, "boss": MAYBE}),
            max_size=2,
        ),
        "club": st.dictionaries(
            st.sampled_from("gh"),
            st.fixed_dictionaries({"name": NAMES, "member": st.lists(NUMBERS, unique=True)}),
            max_size=2,
        ),
    }
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STATES, min_size=1, max_size=3), st.integers(0, 9), st.integers(10, 19))
def test_whichever_system_and_row_is_read_first_the_metaverse_and_the_plan_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, states: list[Rows], one: int, other: int
) -> None:
    first = outcome(tmp_path_factory.mktemp("one"), states, Random(one))
    second = outcome(tmp_path_factory.mktemp("other"), states, Random(other))
    assert first == second


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STATES, st.randoms(use_true_random=False))
def test_however_the_inputs_are_split_over_runs_the_metaverse_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, state: Rows, order: Random
) -> None:
    """One source projects people here: what comes first is kept, so of two that project, the order would tell."""
    cards: dict[str, Document] = {}
    for anchor, values in state["badge"].items():
        if values["emp"] not in {card["emp"] for card in cards.values()}:
            cards[anchor] = {**values, "mail": None}
    rows: dict[str, Mapping[str, Document]] = {"hr": state["hr"], "badge": cards, "club": state["club"]}
    with company(tmp_path_factory.mktemp("whole")) as (world, systems):
        show(systems, rows, order)
        world.run()
        whole = metaverse(world)
        assert world.run(full=True)["changes"] == []
    with company(tmp_path_factory.mktemp("split")) as (world, systems):
        single = [(name, anchor) for name, found in rows.items() for anchor in found]
        order.shuffle(single)
        while single:
            for _ in range(order.randint(1, 3)):
                if single:
                    name, anchor = single.pop()
                    put(systems[name], MAPPINGS[name][0], anchor, rows[name][anchor])
            world.run(full=order.random() < 0.5)
        assert metaverse(world) == whole
