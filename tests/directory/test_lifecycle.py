"""Deleted objects: kept for 30 days with all that referred to them, restored, or gone for ever."""

from __future__ import annotations

import pytest

from muster.directory.devices import create_device
from muster.directory.directory import Directory
from muster.directory.edges import Relation
from muster.directory.errors import NotFound, Taken
from muster.directory.groups import add_members, remove_member
from muster.directory.lifecycle import EXPIRED, clear_old, delete, purge, restore
from muster.directory.neighbours import members, owners
from muster.directory.objects import Entry, State, find, having
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.users import set_manager
from muster.directory.work import DAY
from tests.directory.support import Clock, add_group, add_person, again, device

USER = SCHEMAS[Kind.USER]


def deleted(directory: Directory, entry: Entry) -> Entry:
    with directory.write() as work:
        delete(work, entry)
        return find(work, entry.guid, state=State.DELETED)


def inside(directory: Directory, group: Entry) -> list[str]:
    with directory.read() as work:
        return [one.doc["displayName"] for one in members(work, Relation.MEMBERS, group, 99).entries]


def test_a_deleted_user_is_nowhere_and_comes_back_whole(directory: Directory) -> None:
    ada, grace = add_person(directory, "Ada", mail="ada@acme.example"), add_person(directory, "Grace")
    group = add_group(directory, "Engines", ada, grace)
    with directory.write() as work:
        set_manager(work, grace, ada.guid)
    gone = deleted(directory, ada)
    with directory.read() as work:
        assert having(work, USER, "mail", "ada@acme.example") is None
        with pytest.raises(NotFound):
            find(work, ada.guid)
        assert members(work, Relation.MANAGER, grace, 1).entries == []
    assert inside(directory, group) == ["Grace"]
    with directory.write() as work:
        restore(work, gone)
    assert again(directory, ada).doc == ada.doc
    assert inside(directory, group) == ["Ada", "Grace"]
    with directory.read() as work:
        assert [one.guid for one in members(work, Relation.MANAGER, grace, 1).entries] == [ada.guid]
        assert [one.guid for one in owners(work, Relation.MEMBERS, ada, 9).entries] == [group.guid]


def test_a_deleted_group_is_nobodys_and_comes_back_with_its_members(directory: Directory) -> None:
    ada, grace = add_person(directory, "Ada"), add_person(directory, "Grace")
    group = add_group(directory, "Engines", ada, grace)
    gone = deleted(directory, group)
    with directory.read() as work:
        assert owners(work, Relation.MEMBERS, ada, 9).entries == []
    deleted(directory, grace)
    with directory.write() as work:
        restore(work, gone)
    assert inside(directory, group) == ["Ada"]


def test_a_name_that_somebody_else_has_by_now_stands_in_the_way(directory: Directory) -> None:
    gone = deleted(directory, add_person(directory, "Ada", mail="ada@acme.example"))
    add_person(directory, "Ada", mail="ada@acme.example")
    with pytest.raises(Taken), directory.write() as work:
        restore(work, gone)
    with pytest.raises(Taken, match="proxyAddresses"), directory.write() as work:
        restore(work, gone, name="ada2@acme.example")
    with directory.write() as work:
        found = restore(work, gone, name="ada2@acme.example", lose_addresses=True)
    assert found.doc["userPrincipalName"] == "ada2@acme.example"
    assert "mail" not in found.doc
    assert "proxyAddresses" not in found.doc


def test_what_is_purged_is_gone_for_ever(directory: Directory) -> None:
    ada = add_person(directory, "Ada")
    group = add_group(directory, "Engines", ada)
    gone = deleted(directory, ada)
    with directory.write() as work:
        purge(work, gone)
    with directory.read() as work:
        for state in (State.LIVE, State.DELETED):
            with pytest.raises(NotFound):
                find(work, ada.guid, state=state)
    assert inside(directory, group) == []
    with pytest.raises(NotFound), directory.write() as work:
        remove_member(work, group, ada.guid)


def test_a_device_is_gone_at_once(lite: Directory) -> None:
    group = add_group(lite, "Engines")
    with lite.write() as work:
        laptop = create_device(work, device("laptop"))
        add_members(work, group, [laptop.guid])
        delete(work, laptop)
        with pytest.raises(NotFound):
            find(work, laptop.guid, state=State.DELETED)
        create_device(work, device("laptop"))
    assert inside(lite, group) == []


def test_time_clears_away_what_was_deleted_long_ago(directory: Directory, clock: Clock) -> None:
    ada = add_person(directory, "Ada")
    deleted(directory, ada)
    clock.forward(days=20)
    grace = add_person(directory, "Grace")
    deleted(directory, grace)
    clock.forward(days=11)
    with directory.write() as work:
        assert clear_old(work, 30 * DAY, 7 * DAY).purged == 1
        find(work, grace.guid, state=State.DELETED)
        with pytest.raises(NotFound):
            find(work, ada.guid, state=State.DELETED)
        assert clear_old(work, 30 * DAY, 7 * DAY).purged == 0


def test_a_large_group_is_cleared_away_little_by_little(directory: Directory, clock: Clock) -> None:
    people = [add_person(directory, f"Person {number}") for number in range(7)]
    parent = add_group(directory, "Everybody")
    group = add_group(directory, "Engines", *people)
    with directory.write() as work:
        add_members(work, parent, [group.guid])
    deleted(directory, group)
    clock.forward(days=31)
    left, more = [], True
    while more:
        with directory.write() as work:
            more = clear_old(work, 30 * DAY, 7 * DAY, room=3).more
            left.append(work.session.value("SELECT COUNT(*) FROM dir_edge WHERE owner = ?", group.id))
            # From the first moment on it is gone, however much of it there still is.
            with pytest.raises(NotFound):
                find(work, group.guid, state=State.DELETED)
    assert left[:4] == [5, 2, 0, 0]
    assert inside(directory, parent) == []
    with directory.read() as work:
        assert work.session.value("SELECT state FROM dir_object WHERE id = ?", group.id) == State.GONE


def test_clearing_away_looks_at_nothing_that_is_live(lite: Directory) -> None:
    with lite.read() as work:
        plan = work.session.rows(f"EXPLAIN QUERY PLAN {EXPIRED}", work.now, 10)
    assert [row[3] for row in plan] == ["SEARCH o USING INDEX dir_object_deleted (state=? AND deleted<?)"]
