"""Nobody is taken for a stranger, by `unmanaged: disable | delete`, while an owner may be missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muster.model.objects import Page, ReadProblem
from tests.sync.readings import APP, COMPLETE, FILE, HR, Script, two, worker
from tests.sync.world import MemorySide, World, changed, kinds

OWN = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  flows:
    emp: '[employeeId]'
"""
"""Accounts that are there already: only `unmanaged` changes anything."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, safety="safety: {percent: 100}\n") as made:
        yield made


class Town:
    """HR as the test says; `app` has the account of Ada (1) and one more, with the number 9."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        _, self.app = two(world, {})
        self.script = Script(monkeypatch)
        self.rules()
        for number in ("1", "9"):
            self.app.put(f"u{number}", login=f"u{number}", emp=number, enabled=True)

    def rules(self, top: str = "unmanaged: delete", app: str = OWN) -> None:
        self.world.mapping("app-account", "app", "account", top + app)

    def shows(self, *people: str, unread: str | None = None) -> None:
        """HR has these people, and one whose line cannot be read."""
        problems = [ReadProblem("worker", unread, "its date is none")] if unread else []
        objects = [worker(one) for one in people]
        self.script.pages = [Page(objects=objects, problems=problems, watermark="a", complete_for=COMPLETE, last=True)]


@pytest.fixture
def town(world: World, monkeypatch: pytest.MonkeyPatch) -> Town:
    return Town(world, monkeypatch)


def told(document: dict[str, Any]) -> list[str]:
    """What is said of objects that are left alone."""
    return [note["message"] for note in document["notes"] if note["kind"] == "unmanaged"]


@pytest.mark.parametrize("act", ["delete", "disable"])
def test_no_account_is_touched_while_a_line_of_hr_cannot_be_read(town: Town, act: str) -> None:
    town.rules(f"unmanaged: {act}")
    town.shows("2", unread="1")
    for document in (town.world.plan(), town.world.run()):
        assert (changed(document), kinds(document["errors"])) == ([], ["read"])
        (note,) = told(document)
        assert note.startswith("app: 2 objects (account) that nobody owns are left alone"), (
            "once for the system, not an object"
        )
        assert "hr/worker was not read completely" in note
    assert town.app.values("u1")["enabled"] is True
    town.shows("1", "2")
    document = town.world.run()
    assert (changed(document), told(document)) == ([("app", act, "u9")], [])


def test_an_account_made_by_hand_outlives_the_bad_line_of_its_new_owner(town: Town) -> None:
    town.shows("1")
    assert changed(town.world.run()) == [("app", "delete", "u9")]
    town.app.put("u3", login="u3", emp="3", enabled=True)
    town.shows(unread="3")
    assert changed(town.world.run()) == []
    assert set(town.app.all()) == {"u1", "u3"}


@pytest.mark.parametrize(
    "lines", ["id,name\n2,Bo\n1,Ada\n1,Ada\n", "id,name\n2,Bo\n1\n", None], ids=["a line twice", "cut", "no file"]
)
def test_no_account_is_touched_while_the_file_of_hr_is_not_whole(world: World, lines: str | None) -> None:
    app: MemorySide = world.target("app", "account", mapping="unmanaged: delete" + APP)
    app.put("u1", login="u1", emp="1")
    world.write("systems/hr.yaml", FILE)
    world.mapping("hr-worker", "hr", "worker", HR.replace("    mail: '[mail]'\n", ""))
    if lines is not None:
        world.write("data/hr.csv", lines)
    document = world.run()
    assert document["errors"]
    assert len(told(document)) == 1
    assert ("app", "delete", "u1") not in changed(document)
    assert "u1" in app.all()


def test_what_hr_does_not_show_whole_leaves_no_account_to_nobody(town: Town) -> None:
    town.script.pages = [Page(objects=[worker("2")], watermark="a", last=True)]
    for _ in range(2):
        assert changed(town.world.run()) == []
    assert town.script.asked == [None, None], "changes alone would never bring who is missing"
    town.script.pages = [
        Page(objects=[worker("1", whole=False, name="Ada")], watermark="a", complete_for=COMPLETE, last=True)
    ]
    assert changed(town.world.run(full=True)) == [], "of 1 it is not known yet which number she has"


def test_no_account_is_touched_while_somebody_is_held(town: Town) -> None:
    side = {"2": {"mail": "bo@x"}, "3": {"mail": "bo@x"}}
    rules = "identity: person\nproject: true\njoin:\n  - mail: '[mail]'\ninbound:\n  flows: {employeeId: '[number]'}\n"
    town.world.source("side", "guest", rows=side, mapping=rules.replace("inbound:", "inbound:\n  precedence: 20"))
    town.script.pages = [
        Page(objects=[worker("2", name="Bo", mail="bo@x")], watermark="a", complete_for=COMPLETE, last=True)
    ]
    document = town.world.run()
    assert kinds(document["held"]) == ["ambiguous-join", "ambiguous-join"]
    assert changed(document) == []
    assert "objects of side/guest are held" in told(document)[0]


@pytest.mark.parametrize(
    ("flow", "left"),
    [("employeeId: '[id]'", True), ("displayName: '[name]'", False)],
    ids=["the number", "another attribute"],
)
def test_a_fault_in_what_owners_are_known_by_leaves_accounts_alone_and_another_does_not(
    town: Town, flow: str, left: bool
) -> None:
    name, value = flow.split(": ")
    town.world.mapping("hr-worker", "hr", "worker", HR.replace(flow, f"{name}: 'CStr(CNum({value.strip(chr(39))}))'"))
    people = [worker("1", id="1", name="1"), worker("A2", id="A2", name="A2")]
    town.script.pages = [Page(objects=people, watermark="a", complete_for=COMPLETE, last=True)]
    first, second = town.world.run(), town.world.run()
    assert kinds(first["errors"]) == ["expression"]
    assert changed(first) == ([] if left else [("app", "delete", "u9")])
    assert [len(told(first)), len(told(second))] == [int(left)] * 2, "as long as it is at fault"


def test_a_source_counts_that_gives_what_owners_are_known_by_and_no_other(town: Town) -> None:
    """`badges` makes nobody; but whose the account with a badge's number is, only it can tell."""
    town.shows("1")
    town.world.write("systems/badges.yaml", FILE.replace("hr.csv", "badges.csv").replace("worker", "badge"))
    rules = "identity: person\njoin:\n  - employeeId: '[owner]'\n"
    rules += "inbound:\n  precedence: 20\n  flows: {officeLocation: '[id]'}\n"
    town.world.mapping("badges-badge", "badges", "badge", rules)
    town.world.write("data/badges.csv", "id,owner\nB1,1\nB1,1\n")
    number = town.world.plan()
    assert (kinds(number["errors"]), changed(number)) == (["read"], [("app", "delete", "u9")])
    by_badge = OWN.replace("outbound:", "  - officeLocation: '[badge]'\noutbound:")
    town.rules(app=by_badge)
    document = town.world.run()
    assert changed(document) == []
    assert "badges/badge was not read completely" in told(document)[0]
