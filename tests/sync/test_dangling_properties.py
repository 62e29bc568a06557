"""Whoever comes, goes, and leads whom: no reference in the target ever names an account that is not there, and what is
left depends neither on history nor on the order in which systems are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.model.values import Value
from muster.sync.run import Run
from tests.sync.test_dangling import Firm, Strict

KEYS = ("1", "2", "3", "4")
TEAMS = ("t", "u")
DELETE = "delete"
SLOWLY = "[{do: disable}, {after: 2 days, do: delete}]"

State = tuple[Mapping[str, tuple[str, str | None]], Mapping[str, Sequence[str]]]
"""Person → status ("here", "left") and boss, of those whom HR shows; team → members, of those there are."""

PEOPLE = st.dictionaries(
    st.sampled_from(KEYS), st.tuples(st.sampled_from(["here", "left"]), st.sampled_from([None, *KEYS]))
)
STATES: st.SearchStrategy[State] = st.tuples(
    PEOPLE, st.dictionaries(st.sampled_from(TEAMS), st.lists(st.sampled_from(KEYS), unique=True), max_size=2)
)
SIZES = st.sampled_from(["[reference] large", "[reference]"])
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def show(firm: Firm, state: State, order: Random) -> None:
    """Make the sources hold this state, and nothing else, in some order."""
    people, teams = state
    for key in [key for key in firm.hr.all() if key not in people]:
        firm.hr.remove(key)
    for name in [name for name in firm.teams.all() if name not in teams]:
        firm.teams.remove(name)
    keys = sorted(people)
    order.shuffle(keys)
    firm.hr.system.page_size = order.choice([1, 1000])
    for key in keys:
        status, boss = people[key]
        firm.hire(key, boss, status=status)
    for name in sorted(teams):
        firm.team(name, *teams[name])


def dangling(firm: Firm) -> list[tuple[str, str]]:
    """(holder, name) of every reference that names no account."""
    there = firm.app.all().keys()
    found = [(key, str(boss)) for key, boss in firm.managers().items() if boss is not None and boss not in there]
    return found + [(name, one) for name in firm.groups.all() for one in firm.members(name) if one not in there]


def live(firm: Firm, verb: str) -> None:
    """Let Muster do its work; the system's foreign keys refuse nothing, and nothing is left to be done."""
    with Strict(firm):
        if verb == "apply":
            firm.world.plan()
        result = firm.world.run() if verb == "run" else firm.world.apply()
    assert [problem["message"] for problem in result["errors"]] == []
    assert result.get("stale", []) == []
    assert dangling(firm) == []
    assert firm.world.plan()["changes"] == []


def picture(firm: Firm) -> tuple[dict[str, Any], dict[str, set[str]]]:
    """What is left: accounts with their managers, groups with their members."""
    accounts = {key: (values["enabled"], values.get("manager")) for key, values in firm.app.all().items()}
    return accounts, {name: firm.members(name) for name in firm.groups.all()}


def shuffled(order: Random, names: Sequence[str]) -> list[str]:
    found = sorted(names)
    order.shuffle(found)
    return found


# --- whatever happened before


@dataclass(frozen=True)
class Rules:
    """What the mappings of the target say."""

    enforce: str
    deprovision: str
    members: str

    def firm(self, folder: Path) -> Firm:
        return Firm(folder, {}, enforce=self.enforce, deprovision=self.deprovision, members=self.members)


RULES = st.builds(Rules, st.sampled_from(["", "change"]), st.sampled_from([DELETE, SLOWLY]), SIZES)


def outcome(folder: Path, rules: Rules, states: Sequence[State], verbs: Sequence[str], order: Random) -> Any:
    """What is left in the target when these states have followed one another, and all delays have passed."""
    with rules.firm(folder) as firm, pytest.MonkeyPatch.context() as patch:
        patch.setattr("muster.app.muster.Run", partial(Run, order=partial(shuffled, order)))
        for state, verb in zip(states, verbs, strict=True):
            show(firm, state, order)
            live(firm, verb)
            firm.world.wait(days=1)
        firm.world.wait(days=3)
        live(firm, "run")
        assert firm.world.plan(full=True)["changes"] == []
        return picture(firm)


@settings(max_examples=12, suppress_health_check=QUIET)
@given(RULES, st.lists(STATES, min_size=2, max_size=4), st.data(), st.integers(0, 99))
def test_what_is_left_depends_neither_on_history_nor_on_the_order_of_reading(
    tmp_path_factory: pytest.TempPathFactory, rules: Rules, states: list[State], data: st.DataObject, seed: int
) -> None:
    verbs = data.draw(st.lists(st.sampled_from(["run", "apply"]), min_size=len(states), max_size=len(states)))
    lived = outcome(tmp_path_factory.mktemp("lived"), rules, states, verbs, Random(seed))
    fresh = outcome(tmp_path_factory.mktemp("fresh"), rules, states[-1:], ["run"], Random(seed + 1))
    assert lived == fresh


# --- whatever others do in the target


@dataclass
class Hands:
    """Other hands, which the foreign keys of the system hold, too."""

    firm: Firm

    def put(self, key: str, boss: str) -> None:
        """An account that Muster did not make."""
        if key not in self.firm.app.all():
            values: dict[str, Value] = {"login": key, "enabled": True}
            self.firm.app.put(key, **values, **({"manager": boss} if boss in self.firm.app.all() else {}))

    def lead(self, key: str, boss: str) -> None:
        """Another manager."""
        if {key, boss} <= self.firm.app.all().keys():
            self.firm.app.edit(key, manager=boss)

    def enter(self, key: str, _boss: str) -> None:
        """A member more in every group."""
        for name in self.firm.groups.all() if key in self.firm.app.all() else ():
            if self.firm.large:
                self.firm.groups.edges(name, "member", add=[key])
            else:
                self.firm.groups.edit(name, member=sorted({*self.firm.members(name), key}))

    def remove(self, key: str, _boss: str) -> None:
        """An account less, unless something refers to it."""
        if not self.firm.referring(key):
            self.firm.app.remove(key)


HANDS: tuple[Callable[[Hands, str, str], None], ...] = (Hands.put, Hands.lead, Hands.enter, Hands.remove)
DEEDS = st.lists(st.tuples(st.sampled_from(HANDS), st.sampled_from(KEYS), st.sampled_from(KEYS)), max_size=3)
ENFORCE = st.sampled_from(["", "change", "once", "default"])


@settings(max_examples=25, suppress_health_check=QUIET)
@given(
    ENFORCE,
    ENFORCE,
    st.sampled_from([DELETE, SLOWLY]),
    SIZES,
    st.lists(st.tuples(STATES, DEEDS, st.sampled_from(["run", "apply"])), min_size=2, max_size=5),
    st.integers(0, 99),
)
def test_whatever_others_do_no_reference_ever_names_an_account_that_is_not_there(
    tmp_path_factory: pytest.TempPathFactory,
    enforce: str,
    group_enforce: str,
    deprovision: str,
    members: str,
    days: list[tuple[State, list[Any], str]],
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("firm")
    firm = Firm(folder, {}, enforce=enforce, deprovision=deprovision, members=members, group_enforce=group_enforce)
    with firm:
        hands, order = Hands(firm), Random(seed)
        for state, deeds, verb in days:
            show(firm, state, order)
            for deed, key, boss in deeds:
                deed(hands, key, boss)
            live(firm, verb)
            firm.world.wait(days=1)
        firm.world.wait(days=3)
        live(firm, "run")
