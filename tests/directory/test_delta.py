"""A client that follows the changes knows the directory, whatever happens between its pages."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.directory import delta
from muster.directory.delta import Mark, changes, latest
from muster.directory.directory import Directory, Settings
from muster.directory.edges import Relation
from muster.directory.errors import DirectoryError, Expired
from muster.directory.groups import add_members, create_group, remove_member, update_group
from muster.directory.lifecycle import clear_old, delete, purge, restore
from muster.directory.neighbours import members
from muster.directory.objects import Entry, State, find
from muster.directory.pages import Query, page
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.users import create_user, set_manager, update_user
from muster.directory.work import DAY, Work
from tests.directory.support import Clock, add_group, add_person, person, security

LONG = 7 * DAY
RELATIONS = {Kind.USER: (Relation.MANAGER,), Kind.GROUP: (Relation.MEMBERS, Relation.OWNERS)}


class Client:
    """Follows one kind of object, merging what the pages tell."""

    def __init__(self, kind: Kind, limit: int) -> None:
        self.mark = Mark(kind)
        self.limit = limit
        self.known: dict[str, dict[str, Any]] = {}
        self.references: dict[str, set[tuple[Relation, str]]] = {}

    def step(self, work: Work) -> bool:
        """Read a page; whether the round is over."""
        kind = self.mark.kind
        found = changes(work, self.mark, self.limit, relations=RELATIONS[kind], lasting=LONG)
        for one in found.objects:
            guid = one.entry.guid
            if one.entry.state is not State.LIVE:
                self.known.pop(guid, None)
                self.references.pop(guid, None)
                continue
            self.known[guid] = dict(one.entry.doc)
            mine = self.references.setdefault(guid, set())
            for relation, listed in one.references.items():
                for reference in listed:
                    (mine.discard if reference.removed else mine.add)((relation, reference.guid))
        self.mark = found.mark
        return self.mark.resting

    def finish(self, directory: Directory) -> None:
        for _ in range(500):
            with directory.read() as work:
                if self.step(work):
                    return
        raise AssertionError("the round does not end")


def truth(directory: Directory, kind: Kind) -> tuple[dict[str, Any], dict[str, Any]]:
    with directory.read() as work:
        entries = page(work, Query(SCHEMAS[kind]), 999).entries
        return (
            {one.guid: dict(one.doc) for one in entries},
            {
                one.guid: {
                    (relation, other.guid)
                    for relation in RELATIONS[kind]
                    for other in members(work, relation, one, 999).entries
                }
                for one in entries
            },
        )


class Hand:
    """Does something to the directory, chosen by a die."""

    def __init__(self, directory: Directory, dice: random.Random) -> None:
        self.directory = directory
        self.dice = dice
        self.count = 0

    def act(self) -> None:
        with self.directory.write() as work:
            everything = [
                one for state in (False, True) for kind in (Kind.USER, Kind.GROUP)
                for one in page(work, Query(SCHEMAS[kind], deleted=state), 999).entries
            ]  # fmt: skip
            self.count += 1
            deeds = [self._make] * 2 + [self._join] * 3 + [self._leave] * 2
            deed = self.dice.choice([*deeds, self._change, self._bury, self._dig, self._burn, self._boss])
            try:
                with work.apart():
                    deed(work, everything)
            except DirectoryError:
                pass

    def _pick(self, everything: list[Entry], kind: Kind | None = None, state: State = State.LIVE) -> Entry | None:
        found = [one for one in everything if one.state is state and kind in (None, one.kind)]
        return self.dice.choice(found) if found else None

    def _make(self, work: Work, everything: list[Entry]) -> None:
        if self.dice.random() < 0.6:
            create_user(work, person(f"U{self.count}"))
        else:
            some = [one.guid for one in everything if one.state is State.LIVE and self.dice.random() < 0.5][:20]
            create_group(work, security(f"G{self.count}"), some, [])

    def _change(self, work: Work, everything: list[Entry]) -> None:
        one = self._pick(everything)
        if one is not None:
            (update_user if one.kind is Kind.USER else update_group)(work, one, {"displayName": f"N{self.count}"})

    def _join(self, work: Work, everything: list[Entry]) -> None:
        group, other = self._pick(everything, Kind.GROUP), self._pick(everything)
        if group is not None and other is not None:
            add_members(work, group, [other.guid])

    def _leave(self, work: Work, everything: list[Entry]) -> None:
        group = self._pick(everything, Kind.GROUP)
        if group is not None:
            inside = members(work, Relation.MEMBERS, group, 99).entries
            if inside:
                remove_member(work, group, self.dice.choice(inside).guid)

    def _bury(self, work: Work, everything: list[Entry]) -> None:
        if (one := self._pick(everything)) is not None:
            delete(work, one)

    def _dig(self, work: Work, everything: list[Entry]) -> None:
        if (one := self._pick(everything, state=State.DELETED)) is not None:
            restore(work, one)

    def _burn(self, work: Work, everything: list[Entry]) -> None:
        one = self._pick(everything, state=self.dice.choice([State.DELETED, State.LIVE]))
        if one is not None:
            purge(work, one)

    def _boss(self, work: Work, everything: list[Entry]) -> None:
        user, boss = self._pick(everything, Kind.USER), self._pick(everything, Kind.USER)
        if user is not None and boss is not None:
            set_manager(work, user, self.dice.choice([boss.guid, None]))


def follow(directory: Directory, seed: int, limit: int, steps: int) -> None:
    dice = random.Random(seed)
    hand = Hand(directory, dice)
    for _ in range(steps // 2):
        hand.act()
    clients = [Client(kind, limit) for kind in RELATIONS]
    for _ in range(steps):
        if dice.random() < 0.6:
            hand.act()
        else:
            with directory.read() as work:
                dice.choice(clients).step(work)
    for client in clients:
        if not client.mark.resting:
            client.finish(directory)
        client.finish(directory)
        assert (client.known, client.references) == truth(directory, client.mark.kind)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), limit=st.integers(1, 4), room=st.integers(1, 4))
def test_who_follows_the_changes_knows_the_directory(seed: int, limit: int, room: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(delta, "EDGES", room)
        with Directory.open("sqlite:///state.db", Path(folder), Settings("Acme"), Clock().now) as directory:
            follow(directory, seed, limit, 60)


def test_so_it_is_on_postgresql(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "EDGES", 2)
    with Directory.open(postgres_url, tmp_path, Settings("Acme"), Clock().now) as directory:
        follow(directory, 7, 3, 120)


def told(directory: Directory, mark: Mark, **more: Any) -> tuple[list[delta.Changed], Mark]:
    with directory.read() as work:
        found = changes(work, mark, 99, lasting=LONG, **more)
    return found.objects, found.mark


def test_from_now_on(directory: Directory) -> None:
    add_person(directory, "Ada")
    with directory.read() as work:
        mark = latest(work, Kind.USER)
    assert told(directory, mark)[0] == []
    add_person(directory, "Grace")
    found, mark = told(directory, mark)
    assert [one.entry.doc["displayName"] for one in found] == ["Grace"]
    assert told(directory, mark)[0] == []


def test_a_deleted_object_is_told_as_deleted_then_as_gone(directory: Directory, clock: Clock) -> None:
    ada = add_person(directory, "Ada")
    _, mark = told(directory, Mark(Kind.USER))
    with directory.write() as work:
        delete(work, ada)
    found, mark = told(directory, mark)
    assert [(one.entry.guid, one.entry.state) for one in found] == [(ada.guid, State.DELETED)]
    clock.forward(days=31)
    with directory.write() as work:
        clear_old(work, 30 * DAY, LONG)
    mark = Mark(Kind.USER, since=mark.since, at=0)
    found, _ = told(directory, mark)
    assert [(one.entry.guid, one.entry.state, one.entry.doc) for one in found] == [(ada.guid, State.GONE, {})]


def test_only_what_was_asked_for(lite: Directory) -> None:
    ada, grace = add_person(lite, "Ada"), add_person(lite, "Grace")
    found, mark = told(lite, Mark(Kind.USER), only=[grace.guid])
    assert [one.entry.guid for one in found] == [grace.guid]
    group = add_group(lite, "Engines")
    _, groups = told(lite, Mark(Kind.GROUP))
    with lite.write() as work:
        update_user(work, ada, {"department": "x"})
        add_members(work, group, [ada.guid])
    assert told(lite, mark, only=[grace.guid])[0] == []
    # Who does not follow members does not hear of them.
    assert told(lite, groups)[0] == []
    assert len(told(lite, groups, relations=(Relation.MEMBERS,))[0]) == 1


def test_a_mark_that_is_too_old_has_expired(directory: Directory, clock: Clock) -> None:
    ada = add_person(directory, "Ada")
    _, mark = told(directory, Mark(Kind.USER))
    clock.forward(days=6)
    told(directory, mark)
    clock.forward(days=2)
    with pytest.raises(Expired):
        told(directory, mark)
    with directory.write() as work:
        purge(work, find(work, ada.guid))
    clock.forward(days=9)
    add_person(directory, "Grace")
    with directory.write() as work:
        assert clear_old(work, 30 * DAY, LONG).forgotten == 0
    clock.forward(days=9)
    with directory.write() as work:
        assert clear_old(work, 30 * DAY, LONG).forgotten == 1
    # What is forgotten is not passed over in silence, even by a mark without a date.
    with pytest.raises(Expired):
        told(directory, Mark(Kind.USER, since=mark.since))


def test_a_mark_from_a_later_time_than_now_has_expired(lite: Directory) -> None:
    """The database was put back from a backup."""
    with pytest.raises(Expired):
        told(lite, Mark(Kind.USER, since=10**9))


def test_a_thousand_members_come_in_parts(lite: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "EDGES", 10)
    group = add_group(lite, "Crowd")
    everybody = [add_person(lite, f"P{number}") for number in range(25)]
    for start in range(0, 25, 5):
        with lite.write() as work:
            add_members(work, group, [one.guid for one in everybody[start : start + 5]])
    client = Client(Kind.GROUP, 5)
    pages = 0
    while True:
        pages += 1
        with lite.read() as work:
            if client.step(work):
                break
    assert pages == 3
    assert len(client.references[group.guid]) == 25
