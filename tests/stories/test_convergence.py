"""Whatever the systems, the rules and the edits: a run settles everything, and an interrupted one settles it later.

Hypothesis makes small organisations (who is in which source, which rules each mapping has) and what happens to them
between and during runs, by personnel departments and by other hands.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.store.database import Database, Session
from tests.stories.picture import difference, picture
from tests.sync.world import MemorySide, World, schema

NUMBERS = ("1", "2", "3", "4", "5")
FIRST = ("Ada", "Bo", "Cy")
LAST = ("Byron", "Dahl", "Young")
DEPARTMENTS = ("IT", "Sales", None)

SOURCE = """
identity: person
join: [{{employeeId: '[id]'}}]
project: true
inbound:
  precedence: {precedence}
  flows:
    employeeId: '[id]'
    givenName: '[first]'
    surname: '[last]'
    department: '[dept]'
    active: {{value: '[status] = "active"', merge: any}}
    manager: {{reference: '[boss]', to: person.employeeId}}
"""
TARGET = """
identity: person
join: [{{employeeId: '[emp]'}}]
outbound:
  provision: '{provision}'
  deprovision: {deprovision}
  flows:
    {name}
    emp: '[employeeId]'
    login: {{value: 'SelectUniqueValue(ToLower([givenName]), ToLower([givenName] & [surname]), [employeeId])',
             enforce: once}}
    title: {{value: '[givenName] & " " & [surname]', enforce: always}}
    dept: {{value: '[department]', enforce: {enforce}}}
    boss: {{reference: '[manager]'}}
"""


@dataclass(frozen=True)
class Rules:
    """What one target's mapping says."""

    provision: str
    deprovision: str
    enforce: str
    assigned: bool


@dataclass(frozen=True)
class Organisation:
    """What there is at the beginning."""

    sources: int
    targets: tuple[Rules, ...]


rules = st.builds(
    Rules,
    provision=st.sampled_from(["[active]", "[active] and [department] = \"IT\"", "true"]),
    deprovision=st.sampled_from(["disable", "delete", "[{do: disable}, {after: 1 day, do: delete}]", "leave"]),
    enforce=st.sampled_from(["always", "change", "once", "default"]),
    assigned=st.booleans(),
)  # fmt: skip
organisations = st.builds(
    Organisation, sources=st.integers(1, 2), targets=st.lists(rules, min_size=1, max_size=2).map(tuple)
)
person = st.fixed_dictionaries(
    {
        "first": st.sampled_from(FIRST),
        "last": st.sampled_from(LAST),
        "dept": st.sampled_from(DEPARTMENTS),
        "status": st.sampled_from(("active", "active", "left")),
        "boss": st.sampled_from((*NUMBERS, None)),
    }
)
Edit = tuple[str, int, str, Any]
ours = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 1), st.sampled_from(NUMBERS), person),
    st.tuples(st.just("put"), st.integers(0, 1), st.sampled_from(NUMBERS), person),
    st.tuples(st.just("remove"), st.integers(0, 1), st.sampled_from(NUMBERS), st.none()),
    st.tuples(st.just("wait"), st.integers(0, 0), st.just("1"), st.integers(1, 2)),
)
foreign = st.one_of(
    st.tuples(st.just("retitle"), st.integers(0, 1), st.sampled_from(NUMBERS), st.sampled_from(("Sir", "Dr", None))),
    st.tuples(st.just("move"), st.integers(0, 1), st.sampled_from(NUMBERS), st.sampled_from(DEPARTMENTS)),
    st.tuples(st.just("switch"), st.integers(0, 1), st.sampled_from(NUMBERS), st.booleans()),
    st.tuples(st.just("unmake"), st.integers(0, 1), st.sampled_from(NUMBERS), st.none()),
)
days = st.lists(st.lists(st.one_of(ours, ours, foreign), max_size=4), min_size=1, max_size=4)


@dataclass
class Scene:
    """An organisation that lives, in a world of memory systems."""

    world: World
    organisation: Organisation
    sources: list[MemorySide] = field(default_factory=list)
    targets: list[MemorySide] = field(default_factory=list)

    def build(self) -> None:
        for number in range(self.organisation.sources):
            mapping = SOURCE.format(precedence=10 + number)
            self.sources.append(self.world.source(f"hr{number}", "worker", mapping=mapping))
        for number, own in enumerate(self.organisation.targets):
            name = "" if own.assigned else "id: {value: '[employeeId]', enforce: once}"
            text = TARGET.format(provision=own.provision, deprovision=own.deprovision, enforce=own.enforce, name=name)
            kind = schema("account", "id", {"boss": "reference"}, assigned=own.assigned)
            system = self.world.system(f"app{number}", kind)
            self.world.mapping(f"app{number}-account", f"app{number}", "account", text)
            self.targets.append(MemorySide(system, "account"))

    def edit(self, edit: Edit) -> None:
        """Something happens; nothing does when there is nobody it could happen to."""
        what, where, number, value = edit
        source, target = self.sources[where % len(self.sources)], self.targets[where % len(self.targets)]
        if what == "put":
            source.put(number, id=number, **{name: one for name, one in value.items() if one is not None})
        elif what == "remove":
            source.remove(number)
        elif what == "wait":
            self.world.wait(days=value)
        elif (anchor := self.account(target, number)) is not None:
            if what == "unmake":
                target.remove(anchor)
            else:
                target.edit(anchor, **{{"retitle": "title", "move": "dept", "switch": "enabled"}[what]: value})

    def account(self, target: MemorySide, number: str) -> str | None:
        """The anchor of the account of a person."""
        found = [anchor for anchor, values in target.all().items() if values.get("emp") == number]
        assert len(found) < 2, f"a doubled account: {target.all()}"
        return found[0] if found else None

    def run(self) -> dict[str, Any]:
        return self.world.run(allow_deletes=True)

    def positions(self) -> list[str]:
        """Grows with every write to a system."""
        return [side.system.watermark() for side in (*self.sources, *self.targets)]

    def check_settled(self) -> None:
        """Nothing is left to do, and doing it writes nothing."""
        before = self.positions()
        assert self.world.plan()["changes"] == []
        result = self.run()
        assert result["changes"] == []
        assert self.positions() == before

    def check_right(self) -> None:
        """What the rules promise of every person and account, worked out from the sources alone."""
        people: dict[str, dict[str, Any]] = {}
        for source in self.sources:
            for number, values in source.all().items():
                own = people.setdefault(number, {"active": False})
                own["active"] |= values["status"] == "active"
                for name in ("first", "last", "dept"):
                    own.setdefault(name, values.get(name))
                    own[name] = values.get(name) if own[name] is None else own[name]
        for target, own_rules in zip(self.targets, self.organisation.targets, strict=True):
            for number in NUMBERS:
                found, one = self.account(target, number), people.get(number)
                wanted = one is not None and (
                    own_rules.provision == "true"
                    or (one["active"] and ("department" not in own_rules.provision or one["dept"] == "IT"))
                )
                if wanted:
                    assert one is not None
                    assert found is not None, f"{number} has no account"
                    assert target.values(found)["title"] == f"{one['first']} {one['last']}"
                    if own_rules.enforce == "always":
                        assert target.values(found).get("dept") == one["dept"]
                elif found is not None and own_rules.deprovision != "leave":
                    assert own_rules.deprovision != "delete"
                    assert target.values(found)["enabled"] is False
            logins = [values["login"] for values in target.all().values()]
            assert len(logins) == len(set(logins))


@contextmanager
def scene(organisation: Organisation) -> Iterator[Scene]:
    """A new world with this organisation in it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        World(Path(folder), safety="safety: {percent: 100, updates: 100, members: 100}\n") as world,
    ):
        made = Scene(world, organisation)
        made.build()
        yield made


class Power(BaseException):
    """The power fails."""


@contextmanager
def at_transaction(number: int, happens: Callable[[], None]) -> Iterator[list[int]]:
    """Something happens after the n-th transaction that writes; how many there were."""
    write = Database.write
    passed = [0]

    @contextmanager
    def watched(database: Database) -> Iterator[Session]:
        with write(database) as session:
            yield session
        passed[0] += 1
        if passed[0] == number:
            happens()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "write", watched)
        yield passed


def fail() -> None:
    raise Power


quick = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(organisation=organisations, history=days)
def test_after_a_run_a_second_one_plans_nothing_and_writes_nothing(
    organisation: Organisation, history: list[list[Edit]]
) -> None:
    with scene(organisation) as one:
        for day in history:
            for edit in day:
                one.edit(edit)
            assert one.run()["errors"] == []
            one.check_right()
            one.check_settled()


@quick
@given(
    organisation=organisations,
    history=days,
    meddling=st.lists(st.tuples(foreign, st.integers(1, 40)), min_size=1, max_size=3),
)
def test_edits_by_other_hands_in_the_middle_of_a_run_converge(
    organisation: Organisation, history: list[list[Edit]], meddling: list[tuple[Edit, int]]
) -> None:
    with scene(organisation) as one:
        for day in history:
            for edit in day:
                one.edit(edit)
            one.run()
        for edit, number in meddling:
            one.edit(("put", 0, edit[2], {"first": "Di", "last": "Prince", "status": "active"}))
            with at_transaction(number, partial(one.edit, edit)):
                one.run()
        one.run()
        one.check_right()
        one.check_settled()


@quick
@given(organisation=organisations, history=days, number=st.integers(1, 60))
def test_a_run_that_fails_after_any_transaction_ends_as_an_unbroken_one(
    organisation: Organisation, history: list[list[Edit]], number: int
) -> None:
    with scene(organisation) as broken, scene(organisation) as whole:
        for day in history:
            for edit in day:
                broken.edit(edit)
                whole.edit(edit)
            with at_transaction(number, fail), suppress(Power):
                broken.run()
            broken.run()
            whole.run()
            assert [side.all() for side in broken.targets] == [side.all() for side in whole.targets]
            with broken.world.muster() as first, whole.world.muster() as second:
                assert difference(*(picture(m.database, volatile=False) for m in (first, second))) == {}
            broken.check_settled()
            whole.check_settled()
