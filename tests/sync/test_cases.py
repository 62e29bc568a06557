"""Cases: what a person must decide is held, closes by itself when its cause has gone, and decisions are obeyed."""

from __future__ import annotations

import pytest

from muster.model.errors import ProjectError
from muster.store.audit import verify
from tests.sync.world import MemorySide, World, changed, kinds

HR = """
identity: person
project: true
join:
  - employeeId: '[id]'
inbound:
  precedence: 10
  flows: {employeeId: '[id]', displayName: '[name]', mail: '[mail]', manager: {reference: '[boss]', to: worker}}
"""
CARD = """
identity: person
join:
  - mail: '[mail]'
  - employeeId: '[emp]'
inbound: {precedence: 20, flows: {city: '[room]'}}
"""
SIDE = """
identity: person
project: true
join:
  - mail: '[mail]'
inbound: {precedence: 20, flows: {displayName: '[name]', mail: '[mail]', city: '[room]'}}
"""
APP = """
identity: person
join:
  - mail: '[mail]'
outbound:
  provision: 'true'
  flows: {login: 'Join("", "u", [employeeId])', mail: '[mail]', name: '[displayName]'}
"""
ADA = {"name": "Ada", "mail": "ada@x"}
BO = {"name": "Bo", "mail": "bo@x"}


def decide(world: World, kind: str, **options: str) -> None:
    with world.muster() as muster:
        muster.decide(kind, by="ops@acme.example", **options)


def anchors(world: World, who: str) -> list[str]:
    return sorted(entry["anchor"] for entry in world.explain(who)["objects"] if entry["state"] != "gone")


def cases(world: World) -> list[tuple[str, str]]:
    return [(case["cause"], case["anchor"]) for case in world.status()["cases"]]


def twins(world: World) -> tuple[MemorySide, MemorySide]:
    """Two people with one mail address, and a card with that address."""
    hr = world.source("hr", "worker", rows={"1": ADA, "2": BO | {"mail": "ada@x"}}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": {"mail": "ada@x", "emp": "2", "room": "R1"}}, mapping=CARD)
    return hr, badge


# --- what is held


def test_two_matches_are_held_and_never_tried_on_the_next_line(world: World) -> None:
    twins(world)
    result = world.run()
    assert [(h["kind"], h["system"], h["anchor"]) for h in result["held"]] == [("ambiguous-join", "badge", "c")]
    assert len(result["held"][0]["identities"]) == 2
    assert cases(world) == [("several", "c")]
    assert anchors(world, "2") == ["2"]


def test_two_matches_are_never_projected(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO | {"mail": "ada@x"}}, mapping=HR)
    world.source("side", "person", rows={"s": {"mail": "ada@x"}}, mapping=SIDE)
    world.run()
    assert world.status()["identities"] == {"person": 2}


def test_a_match_whose_place_is_taken_is_held(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": {"emp": "1"}}, mapping=CARD)
    world.run()
    badge.put("d", id="d", emp="1")
    result = world.run()
    assert [(h["kind"], h["anchor"]) for h in result["held"]] == [("ambiguous-join", "d")]
    assert "who already has c (mapping badge-card)" in result["held"][0]["message"]
    assert cases(world) == [("taken", "d")]
    assert anchors(world, "1") == ["1", "c"]


def test_two_objects_that_come_together_for_one_place_are_both_held(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": {"emp": "1"}, "d": {"emp": "1"}}, mapping=CARD)
    world.run()
    assert cases(world) == [("rivals", "c"), ("rivals", "d")]
    badge.edit("c", room="R9")
    world.run()
    assert cases(world) == [("rivals", "c"), ("rivals", "d")]
    assert anchors(world, "1") == ["1"]


def test_a_third_rival_does_not_win_by_coming_late(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": {"emp": "1"}, "d": {"emp": "1"}}, mapping=CARD)
    world.run()
    badge.put("e", id="e", emp="1")
    held = world.run()["held"]
    assert cases(world) == [("rivals", "c"), ("rivals", "d"), ("rivals", "e")]
    others = {case["anchor"]: case["message"].partition("and so does ")[2].partition(" (")[0] for case in held}
    assert others == {"c": "d, e", "d": "c, e", "e": "c, d"}


def test_a_match_found_after_both_sides_projected_is_one_case(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    side = world.source("side", "person", rows={"s": {"name": "Ada B", "mail": "private@x"}}, mapping=SIDE)
    world.run()
    assert world.status()["identities"] == {"person": 2}
    side.edit("s", mail="ada@x")
    result = world.run()
    assert [(h["kind"], h["anchor"], len(h["identities"])) for h in result["held"]] == [("ambiguous-join", "s", 2)]
    assert kinds(world.run()["held"]) == ["ambiguous-join"]
    assert world.status()["identities"] == {"person": 2}
    side.edit("s", mail="other@x")
    assert world.run()["held"] == []


def test_a_match_that_the_other_side_brings_about_is_a_case_too(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.source("side", "person", rows={"s": {"name": "Ada B", "mail": "private@x"}}, mapping=SIDE)
    world.run()
    hr.edit("1", mail="private@x")
    assert [(h["kind"], h["anchor"]) for h in world.run()["held"]] == [("ambiguous-join", "s")]


def test_a_new_match_beside_a_match_found_late_is_settled_too(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    side = world.source("side", "person", rows={"s": {"name": "Ada B", "mail": "private@x"}}, mapping=SIDE)
    world.run()
    side.edit("s", mail="ada@x")
    world.run()
    side.put("t", id="t", name="Ada C", mail="ada@x")
    assert len(world.run()["held"]) == 2
    assert cases(world) == [("double", "s"), ("several", "t")]


def test_while_a_case_is_open_nobody_gets_a_second_account(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO | {"mail": "ada@x"}}, mapping=HR)
    app = world.target("app", "account", mapping=APP)
    app.put("old", login="old", mail="ada@x")
    result = world.run()
    assert changed(result) == []
    assert [h["anchor"] for h in result["held"]] == ["old"]
    assert list(app.all()) == ["old"]


def test_a_case_holds_nobody_else(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO | {"mail": "ada@x"}, "3": {"mail": "cy@x"}}, mapping=HR)
    app = world.target("app", "account", mapping=APP)
    app.put("old", login="old", mail="ada@x")
    assert changed(world.run()) == [("app", "create", "u3")]


# --- cases close by themselves


def test_an_ambiguity_closes_when_one_of_the_people_loses_the_key(world: World) -> None:
    hr, _ = twins(world)
    world.run()
    hr.edit("1", mail="ada@new")
    assert world.run()["held"] == []
    assert anchors(world, "2") == ["2", "c"]
    assert cases(world) == []


def test_an_ambiguity_closes_when_one_of_the_people_goes(world: World) -> None:
    hr, _ = twins(world)
    world.run()
    hr.remove("1")
    assert world.run()["held"] == []
    assert anchors(world, "2") == ["2", "c"]


def test_a_taken_place_that_becomes_free_lets_the_waiting_object_in(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": {"emp": "1"}}, mapping=CARD)
    world.run()
    badge.put("d", id="d", emp="1")
    world.run()
    badge.remove("c")
    assert world.run()["held"] == []
    assert anchors(world, "1") == ["1", "d"]


def test_a_place_that_muster_itself_empties_lets_the_waiting_object_in(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    mapping = APP.replace("'true'", "'[city] = NULL'").replace("  flows:", "  deprovision: delete\n  flows:")
    app = world.target("app", "account", mapping=mapping)
    badge = world.source("badge", "card", rows={}, mapping=CARD)
    world.run()
    app.put("extra", login="extra", mail="ada@x")
    assert [h["anchor"] for h in world.run()["held"]] == ["extra"]
    badge.put("c", id="c", emp="1", room="R1")
    world.run()
    assert world.run()["held"] == []
    assert hr.all().keys() == {"1"}
    assert cases(world) == []


def test_a_rival_that_goes_leaves_the_place_to_the_other(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": {"emp": "1"}, "d": {"emp": "1"}}, mapping=CARD)
    world.run()
    badge.remove("c")
    assert world.run()["held"] == []
    assert anchors(world, "1") == ["1", "d"]


def test_a_rival_that_changes_its_key_leaves_the_place_to_the_other(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": {"emp": "1"}, "d": {"emp": "1"}}, mapping=CARD)
    world.run()
    badge.edit("c", emp="2")
    assert world.run()["held"] == []
    assert (anchors(world, "1"), anchors(world, "2")) == (["1", "d"], ["2", "c"])


def test_a_case_whose_object_is_gone_is_gone(world: World) -> None:
    _, badge = twins(world)
    world.run()
    badge.remove("c")
    assert world.run()["held"] == []
    assert cases(world) == []


def test_an_account_is_made_once_the_case_is_closed(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA, "2": BO | {"mail": "ada@x"}}, mapping=HR)
    app = world.target("app", "account", mapping=APP)
    app.put("old", login="old", mail="ada@x")
    world.run()
    hr.edit("2", mail="bo@x")
    world.run()
    assert sorted(app.all()) == ["old", "u2"]
    assert anchors(world, "1") == ["1", "old"]


# --- decisions


def test_accept_joins_the_object_to_whom_a_person_says_and_is_kept(world: World) -> None:
    _, badge = twins(world)
    world.run()
    decide(world, "accept", system="badge", anchor="c", identity="1")
    assert world.run()["held"] == []
    assert anchors(world, "1") == ["1", "c"]
    badge.edit("c", room="R2")
    assert world.run(full=True)["held"] == []
    assert anchors(world, "1") == ["1", "c"]
    assert world.identity("1")["city"] == "R2"


def test_who_decided_what_when_and_why_stands_in_the_audit_trail(world: World) -> None:
    twins(world)
    world.run()
    decide(world, "refuse", system="badge", anchor="c", identity="1")
    decide(world, "accept", system="badge", anchor="c", identity="2", why="She showed me the card")
    world.run()
    decide(world, "split", system="badge", anchor="c")
    with world.muster() as muster, muster.database.read() as session:
        assert list(verify(session)) == []
        rows = session.rows(
            "SELECT d.kind, d.made_by, a.what, a.rehearsed FROM decided d JOIN audit a ON a.seq = d.sealed "
            "ORDER BY d.id"
        )
    who = "ops@acme.example"
    assert rows == [(kind, who, f"joins {kind}", 1) for kind in ("refuse", "accept", "split")]
    told = world.explain("2")["decisions"]
    assert [(one["decision"], one["by"], one["why"]) for one in told] == [
        ("accept", who, "She showed me the card"),
        ("split", who, ""),
    ]
    assert (told[0]["object"], told[0]["at"]) == (["badge", "card", "c"], "2026-03-02T09:00:00Z")


def test_a_merge_and_a_new_identity_stand_in_the_audit_trail(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO | {"mail": "ada@x"}}, mapping=HR)
    side = world.source("side", "person", rows={"s": {"mail": "ada@x"}, "t": {"mail": "t@x"}}, mapping=SIDE)
    world.run()
    decide(world, "new", system="side", anchor="s", why="A third")
    world.run()
    side.edit("t", mail="ada@x")
    decide(world, "merge", identity="t", into="1", why="One and the same")
    world.run()
    (merged,) = world.explain("1")["decisions"]
    assert (merged["decision"], merged["why"], merged["other"]) == (
        "merge",
        "One and the same",
        world.explain("1")["identity"],
    )
    (new,) = world.explain("s")["decisions"]
    assert (new["decision"], new["why"]) == ("new", "A third")
    with world.muster() as muster, muster.database.read() as session:
        assert list(verify(session)) == []


def test_a_decision_that_is_refused_leaves_no_trace_in_the_audit_trail(world: World) -> None:
    twins(world)
    world.run()
    with pytest.raises(ProjectError):
        decide(world, "accept", system="hr", anchor="1", identity="1")
    with world.muster() as muster, muster.database.read() as session:
        assert session.value("SELECT COUNT(*) FROM audit") == 0


def test_accept_gives_one_rival_the_place(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.source("badge", "card", rows={"c": {"emp": "1"}, "d": {"emp": "1"}}, mapping=CARD)
    world.run()
    decide(world, "accept", system="badge", anchor="d", identity="1")
    world.run()
    assert anchors(world, "1") == ["1", "d"]
    assert cases(world) == [("taken", "c")]


def test_accept_into_a_taken_place_is_refused_and_says_what_to_do(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": {"emp": "1"}}, mapping=CARD)
    world.run()
    badge.put("d", id="d", emp="1")
    world.run()
    with pytest.raises(ProjectError, match=r"has c through mapping badge-card already.*Split c off first"):
        decide(world, "accept", system="badge", anchor="d", identity="1")


def test_refuse_leaves_the_others_of_the_case(world: World) -> None:
    _, badge = twins(world)
    world.run()
    decide(world, "refuse", system="badge", anchor="c", identity="1")
    assert world.run()["held"] == []
    assert anchors(world, "2") == ["2", "c"]
    badge.edit("c", room="R2")
    world.run()
    assert anchors(world, "2") == ["2", "c"]


def test_refuse_of_everybody_makes_a_source_object_somebody_new(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO | {"mail": "ada@x"}}, mapping=HR)
    world.source("side", "person", rows={"s": {"mail": "ada@x", "name": "A third"}}, mapping=SIDE)
    world.run()
    decide(world, "refuse", system="side", anchor="s")
    assert world.run()["held"] == []
    assert anchors(world, "s") == ["s"]
    assert world.status()["identities"] == {"person": 3}


def test_refuse_of_a_match_found_after_both_sides_projected_keeps_them_apart(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    side = world.source("side", "person", rows={"s": {"name": "Ada B", "mail": "private@x"}}, mapping=SIDE)
    world.run()
    side.edit("s", mail="ada@x")
    world.run()
    decide(world, "refuse", system="side", anchor="s")
    assert world.run()["held"] == []
    side.edit("s", name="Ada C")
    assert world.run(full=True)["held"] == []
    assert world.status()["identities"] == {"person": 2}


def test_split_takes_an_object_off_its_person_and_it_does_not_come_back(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    side = world.source("side", "person", rows={"s": {"mail": "ada@x", "name": "Not Ada", "room": "R1"}}, mapping=SIDE)
    world.run()
    assert world.identity("1")["city"] == "R1"
    decide(world, "split", system="side", anchor="s")
    assert world.run()["held"] == []
    assert (anchors(world, "1"), anchors(world, "s")) == (["1"], ["s"])
    assert world.identity("1").get("city") is None
    side.edit("s", room="R2")
    assert world.run(full=True)["held"] == []
    assert anchors(world, "s") == ["s"]


def test_split_of_an_object_that_projects_nobody_leaves_it_unmanaged(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.source("badge", "card", rows={"c": {"emp": "1"}}, mapping=CARD)
    world.run()
    decide(world, "split", system="badge", anchor="c")
    world.run()
    assert anchors(world, "1") == ["1"]
    assert [entry["anchor"] for entry in world.status()["unmanaged"]] == ["c"]


def test_a_decision_about_an_object_outlives_its_absence(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": {"emp": "1"}}, mapping=CARD)
    world.run()
    decide(world, "split", system="badge", anchor="c")
    world.run()
    badge.remove("c")
    world.run()
    badge.put("c", id="c", emp="1")
    world.run()
    assert anchors(world, "1") == ["1"]


def test_merge_makes_one_of_two_people_with_everything_they_have(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "3": {"name": "Cy", "boss": "1"}}, mapping=HR)
    side = world.source(
        "side", "person", rows={"s": {"name": "Ada B", "mail": "private@x", "room": "R1"}}, mapping=SIDE
    )
    world.run()
    side.edit("s", mail="ada@x")
    world.run()
    decide(world, "merge", identity="s", into="1")
    assert world.run()["held"] == []
    assert anchors(world, "1") == ["1", "s"]
    assert world.status()["identities"] == {"person": 2}
    assert world.identity("1")["city"] == "R1"
    side.edit("s", room="R2")
    world.run(full=True)
    assert anchors(world, "s") == ["1", "s"]


def test_merge_takes_the_references_along(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "3": {"name": "Cy", "boss": "1"}}, mapping="several: true" + HR)
    world.source("side", "person", rows={"s": {"name": "Ada B", "mail": "private@x"}}, mapping=SIDE)
    world.run()
    decide(world, "merge", identity="1", into="s")
    world.run()
    assert anchors(world, "s") == ["1", "s"]
    with world.muster() as muster, muster.database.read() as session:
        named = session.value("SELECT i.uid FROM edge e JOIN identity i ON i.id = e.target")
    assert named == world.explain("s")["identity"]


def test_merge_of_two_with_an_object_each_of_one_mapping_is_refused(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO}, mapping=HR)
    world.run()
    with pytest.raises(ProjectError, match="has 1 through mapping hr-worker already"):
        decide(world, "merge", identity="2", into="1")
    world.run()
    assert world.status()["identities"] == {"person": 2}


def test_a_later_decision_wins(world: World) -> None:
    twins(world)
    world.run()
    decide(world, "refuse", system="badge", anchor="c", identity="1")
    decide(world, "accept", system="badge", anchor="c", identity="1")
    world.run()
    assert anchors(world, "1") == ["1", "c"]
    decide(world, "split", system="badge", anchor="c")
    world.run()
    assert anchors(world, "1") == ["1"]
    decide(world, "accept", system="badge", anchor="c", identity="2")
    world.run()
    assert anchors(world, "2") == ["2", "c"]


def test_a_split_is_remembered_even_when_the_new_person_has_come_and_gone(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    side = world.source(
        "side", "person", rows={"s": {"mail": "ada@x", "here": "yes"}}, mapping="scope: '[here] = \"yes\"'" + SIDE
    )
    world.run()
    decide(world, "split", system="side", anchor="s")
    world.run()
    side.edit("s", here="no")
    world.run()
    side.edit("s", here="yes")
    world.run()
    assert anchors(world, "1") == ["1"]
    assert anchors(world, "s") == ["s"]


def test_accept_of_a_match_found_late_moves_the_object_to_the_other_person(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    side = world.source("side", "person", rows={"s": {"name": "Ada B", "mail": "private@x"}}, mapping=SIDE)
    world.run()
    side.edit("s", mail="ada@x")
    world.run()
    decide(world, "accept", system="side", anchor="s", identity="1")
    assert world.run()["held"] == []
    assert anchors(world, "1") == ["1", "s"]
    assert world.status()["identities"] == {"person": 1}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "guess"}, "not 'guess'"),
        ({"kind": "accept", "system": "badge", "anchor": "c"}, "say whose"),
        ({"kind": "accept", "system": "badge", "anchor": "nobody", "identity": "1"}, "no object 'nobody'"),
        ({"kind": "accept", "system": "bagde", "anchor": "c", "identity": "1"}, "no system 'bagde'"),
        ({"kind": "split", "system": "badge", "anchor": "c"}, "joined to nobody"),
        ({"kind": "split"}, "name the object"),
        ({"kind": "merge", "identity": "1"}, "two identities"),
        ({"kind": "merge", "identity": "1", "into": "1"}, "one identity already"),
        ({"kind": "refuse", "system": "hr", "anchor": "1"}, "waits for no decision"),
        ({"kind": "refuse", "system": "hr", "anchor": "1", "identity": "1"}, "split it off instead"),
        ({"kind": "accept", "system": "hr", "anchor": "1", "identity": "1"}, "already"),
    ],
)
def test_a_decision_that_cannot_be_obeyed_is_refused_in_words(world: World, options: dict[str, str], said: str) -> None:
    twins(world)
    world.run()
    with pytest.raises(ProjectError, match=said):
        decide(world, **options)
