"""Joining: scope chooses the mapping, join lines find the identity, and a place holds one object."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_hexdigest

from muster.sync.joins.joining import Claim, Keys, matching_identities, settle
from tests.sync.world import World, changed, kinds

HR = """
identity: person
project: true
join:
  - employeeId: '[id]'
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    displayName: '[name]'
    mail: '[mail]'
"""
CARD = """
identity: person
join:
  - employeeId: '[emp]'
  - mail: '[mail]'
inbound: {precedence: 20, flows: {city: '[room]'}}
"""
APP = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  provision: 'true'
  deprovision: delete
  flows: {login: 'Join("", "u", [employeeId])', emp: '[employeeId]', name: '[displayName]', city: '[city]'}
"""
ADA = {"name": "Ada", "mail": "ada@x"}
BO = {"name": "Bo", "mail": "bo@x"}


def anchors(world: World, who: str) -> list[str]:
    """The anchors of everything joined to somebody."""
    return sorted(entry["anchor"] for entry in world.explain(who)["objects"] if entry["state"] != "gone")


# --- scope


def test_scope_chooses_the_mapping_of_an_object(world: World) -> None:
    world.source(
        "hr",
        "worker",
        rows={"1": ADA | {"kind": "staff"}, "2": BO | {"kind": "guest"}},
        mapping="scope: '[kind] = \"staff\"'" + HR,
    )
    world.mapping(
        "hr-guest",
        "hr",
        "worker",
        """
        identity: contact
        scope: '[kind] = "guest"'
        project: true
        inbound: {precedence: 10, flows: {displayName: '[name]'}}
        """,
    )
    world.run()
    assert world.explain("1")["type"] == "person"
    assert world.explain("2")["type"] == "contact"


def test_two_mappings_that_accept_an_object_are_an_error_on_it_naming_both_and_stop_nobody_else(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO | {"kind": "guest"}}, mapping=HR)
    world.mapping(
        "hr-guest",
        "hr",
        "worker",
        """
        identity: contact
        scope: '[kind] = "guest"'
        project: true
        inbound: {precedence: 10, flows: {displayName: '[name]'}}
        """,
    )
    app = world.target("app", "account", mapping=APP)
    result = world.run()
    assert [(e["kind"], e["anchor"]) for e in result["errors"]] == [("scope", "2")]
    assert "mappings/hr-guest.yaml" in result["errors"][0]["message"]
    assert "mappings/hr-worker.yaml" in result["errors"][0]["message"]
    assert sorted(app.all()) == ["u1"]
    assert kinds(world.plan()["errors"]) == ["scope"]


def test_an_object_in_two_scopes_is_well_when_one_scope_lets_it_go(world: World) -> None:
    hr = world.source("hr", "worker", rows={"2": BO | {"kind": "guest"}}, mapping=HR)
    world.mapping(
        "hr-guest",
        "hr",
        "worker",
        "identity: contact\nscope: '[kind] = \"guest\"'\nproject: true\n",
    )
    world.run()
    hr.edit("2", kind="staff")
    assert world.run()["errors"] == []
    assert world.explain("2")["type"] == "person"


def test_a_scope_that_cannot_be_worked_out_is_that_objects_error_alone(world: World) -> None:
    rows = {"1": ADA | {"end": "2027-01-01"}, "2": BO | {"end": "tomorrow, perhaps"}}
    hr = world.source("hr", "worker", rows=rows, mapping="scope: 'CDate([end]) > Now()'" + HR)
    app = world.target("app", "account", mapping=APP)
    result = world.run()
    assert [(e["kind"], e["anchor"]) for e in result["errors"]] == [("expression", "2")]
    assert "mappings/hr-worker.yaml:3" in result["errors"][0]["message"]
    assert sorted(app.all()) == ["u1"]
    hr.edit("2", end="2027-01-01")
    assert world.run()["errors"] == []
    assert sorted(app.all()) == ["u1", "u2"]


def test_a_scope_at_fault_ends_no_join(world: World) -> None:
    hr = world.source(
        "hr", "worker", rows={"1": ADA | {"end": "2027-01-01"}}, mapping="scope: 'CDate([end]) > Now()'" + HR
    )
    app = world.target("app", "account", mapping=APP)
    world.run()
    hr.edit("1", end="soon", name="Augusta")
    result = world.run()
    assert kinds(result["errors"]) == ["expression"]
    assert app.values("u1")["name"] == "Augusta"
    hr.remove("1")
    assert changed(world.run()) == [("app", "delete", "u1")]


def test_a_source_object_that_leaves_scope_ends_its_join(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA | {"here": "yes"}}, mapping="scope: '[here] = \"yes\"'" + HR)
    app = world.target("app", "account", mapping=APP)
    world.run()
    hr.edit("1", here="no")
    assert changed(world.run()) == [("app", "delete", "u1")]
    assert app.all() == {}
    assert world.status()["identities"] == {}


def test_a_source_object_leaves_scope_when_time_says_so_however_it_was_joined(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.source(
        "badge",
        "card",
        rows={"c": {"emp": "1", "room": "R1", "end": "2026-04-01"}},
        mapping="scope: 'CDate([end]) > Now()'" + CARD,
    )
    world.run()
    assert anchors(world, "1") == ["1", "c"]
    world.wait(days=60)
    world.run()
    assert anchors(world, "1") == ["1"]
    assert world.identity("1").get("city") is None


def test_a_target_object_that_leaves_scope_stays_joined_is_reported_and_no_longer_written(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    app = world.target("app", "account", mapping="scope: '[locked] <> \"yes\"'" + APP)
    world.run()
    app.edit("u1", locked="yes")
    hr.edit("1", name="Augusta")
    result = world.run()
    assert changed(result) == []
    assert kinds(result["notes"]) == ["out-of-scope"]
    assert anchors(world, "1") == ["1", "u1"]
    app.edit("u1", locked=None)
    world.run()
    assert app.values("u1")["name"] == "Augusta"


def test_the_plan_refuses_a_create_that_its_own_scope_would_reject(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    app = world.target("app", "account", mapping="scope: '[login] = \"other\"'" + APP)
    result = world.run()
    assert kinds(result["errors"]) == ["scope"]
    assert app.all() == {}


# --- keys and lines


def test_join_lines_are_tried_in_order_and_the_first_match_joins(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO}, mapping=HR)
    world.source("badge", "card", rows={"c": {"emp": "1", "mail": "bo@x"}, "d": {"mail": "bo@x"}}, mapping=CARD)
    world.run()
    assert anchors(world, "1") == ["1", "c"]
    assert anchors(world, "2") == ["2", "d"]


def test_null_never_matches(world: World) -> None:
    world.source("hr", "worker", rows={"1": {"name": "Ada"}, "2": {"name": "Bo"}}, mapping=HR)
    world.source("badge", "card", rows={"c": {"room": "R"}}, mapping=CARD)
    result = world.run()
    assert result["held"] == []
    assert anchors(world, "1") == ["1"]


def test_every_pair_of_a_line_must_match(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO}, mapping=HR)
    rows = {"c": {"emp": "1", "mail": "bo@x"}, "d": {"emp": "2", "mail": "bo@x"}, "e": {"emp": "1"}}
    world.source(
        "badge", "card", rows=rows, mapping="identity: person\njoin: [{employeeId: '[emp]', mail: '[mail]'}]\n"
    )
    world.run()
    assert anchors(world, "1") == ["1"]
    assert anchors(world, "2") == ["2", "d"]


def test_a_join_line_that_cannot_be_worked_out_leads_to_no_later_line_and_no_projection(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    badge = world.source(
        "badge",
        "card",
        rows={"c": {"emp": "x", "mail": "ada@x"}},
        mapping="""
        identity: person
        project: true
        join: [{employeeId: 'CStr(CNum([emp]))'}, {mail: '[mail]'}]
        inbound: {precedence: 20, flows: {city: '[room]'}}
        """,
    )
    result = world.run()
    assert [(e["kind"], e["anchor"]) for e in result["errors"]] == [("expression", "c")]
    assert world.status()["identities"] == {"person": 1}
    assert anchors(world, "1") == ["1"]
    badge.edit("c", emp="1")
    assert world.run()["errors"] == []
    assert anchors(world, "1") == ["1", "c"]


def test_a_new_key_on_an_identity_wakes_the_objects_that_waited_for_it(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": {"name": "Ada"}}, mapping=HR)
    world.source("badge", "card", rows={"c": {"mail": "ada@x", "room": "R1"}}, mapping=CARD)
    world.run()
    assert anchors(world, "1") == ["1"]
    hr.edit("1", mail="ada@x")
    world.run()
    assert anchors(world, "1") == ["1", "c"]
    assert world.identity("1")["city"] == "R1"


def test_a_new_key_on_an_object_looks_for_identities(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": {"room": "R1"}}, mapping=CARD)
    world.run()
    badge.edit("c", emp="1")
    world.run()
    assert anchors(world, "1") == ["1", "c"]


def test_a_key_that_comes_through_a_join_wakes_others_in_the_same_run(world: World) -> None:
    world.source("hr", "worker", rows={"1": {"name": "Ada"}}, mapping=HR)
    world.source(
        "payroll",
        "slip",
        rows={"s": {"emp": "1", "mail": "ada@x"}},
        mapping="""
        identity: person
        join: [{employeeId: '[emp]'}]
        inbound: {precedence: 30, flows: {mail: '[mail]'}}
        """,
    )
    world.source("badge", "card", rows={"c": {"mail": "ada@x"}}, mapping=CARD)
    world.run()
    assert anchors(world, "1") == ["1", "c", "s"]


# --- projecting


def test_all_joins_of_a_run_come_before_all_projections(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.source("badge", "card", rows={"c": {"emp": "1"}}, mapping=CARD.replace("join:", "project: true\njoin:"))
    world.run()
    assert world.status()["identities"] == {"person": 1}
    assert anchors(world, "c") == ["1", "c"]


def test_projections_go_by_precedence_so_that_the_better_source_is_the_first(world: World) -> None:
    world.source("a", "card", rows={"c": {"emp": "1"}}, mapping=CARD.replace("join:", "project: true\njoin:"))
    world.source("z", "worker", rows={"1": ADA}, mapping=HR)
    world.run()
    assert world.status()["identities"] == {"person": 1}
    assert world.explain("c")["identity"] == xxh3_64_hexdigest(b"z/worker/1")


def test_of_one_mapping_the_second_object_joins_the_person_that_the_first_projected(world: World) -> None:
    rows = {"1": ADA | {"work": "ada@work"}, "2": {"name": "Other", "mail": "ada@work"}}
    mapping = HR.replace("  - employeeId: '[id]'\n", "  - mail: '[mail]'\n")
    mapping = mapping.replace("    mail: '[mail]'\n", "    mail: 'IIF(IsNullOrEmpty([work]), [mail], [work])'\n")
    world.source("hr", "worker", rows=rows, mapping="several: true" + mapping)
    world.run()
    assert world.status()["identities"] == {"person": 1}
    assert anchors(world, "1") == ["1", "2"]


def test_an_object_without_project_and_without_a_match_is_unmanaged(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.source("badge", "card", rows={"c": {"emp": "7"}}, mapping=CARD)
    world.run()
    assert [entry["anchor"] for entry in world.status()["unmanaged"]] == ["c"]


# --- several jobs, several accounts, returning


JOBS = """
identity: person
project: true
several: true
primary: '[main] = "yes"'
join:
  - mail: '[mail]'
inbound:
  precedence: 10
  flows:
    mail: '[mail]'
    jobTitle: '[title]'
    active: {value: '[live] = "yes"', merge: any}
"""


def test_several_objects_of_one_mapping_are_one_person_and_the_primary_one_settles_ties(world: World) -> None:
    rows = {
        "1": {"mail": "ada@x", "title": "Clerk", "live": "no"},
        "2": {"mail": "ada@x", "title": "Chief", "live": "yes", "main": "yes"},
    }
    hr = world.source("hr", "job", rows=rows, mapping=JOBS)
    world.run()
    assert anchors(world, "1") == ["1", "2"]
    assert world.identity("1") == {"mail": "ada@x", "jobTitle": "Chief", "active": True}
    hr.edit("2", main="no")
    world.run()
    assert world.identity("1")["jobTitle"] == "Clerk"


def test_a_rehire_under_a_new_number_is_the_same_person(world: World) -> None:
    hr = world.source("hr", "job", rows={"1": {"mail": "ada@x", "live": "yes"}}, mapping=JOBS)
    world.run()
    who = world.explain("1")["identity"]
    hr.put("9", id="9", mail="ada@x", live="yes", title="Back")
    hr.remove("1")
    world.run()
    assert world.explain("9")["identity"] == who


def test_an_administrators_account_is_a_second_object_through_a_second_mapping(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    app = world.target("app", "account", mapping="scope: '[kind] = NULL'" + APP)
    admin = APP.replace('"u"', '"adm-"').replace("name: '[displayName]'", "kind: '\"admin\"'")
    world.mapping("app-admin", "app", "account", "account: admin\nscope: '[kind] = \"admin\"'" + admin)
    world.run()
    assert sorted(app.all()) == ["adm-1", "u1"]
    assert anchors(world, "1") == ["1", "adm-1", "u1"]
    assert world.run()["changes"] == []


def test_a_returning_object_joins_the_identity_it_belonged_to_whatever_its_keys_say_now(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": {"emp": "1"}}, mapping=CARD)
    world.run()
    badge.remove("c")
    world.run()
    assert anchors(world, "1") == ["1"]
    badge.put("c", id="c", emp="2")
    world.run()
    assert anchors(world, "1") == ["1", "c"]


def test_a_returning_object_finds_the_person_leaving_but_not_gone(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    app = world.target("app", "account", mapping=APP.replace("delete", "disable"))
    world.run()
    who = world.explain("1")["identity"]
    hr.remove("1")
    world.run()
    assert app.values("u1")["enabled"] is False
    hr.put("1", id="1", name="Ada")
    world.run()
    assert world.explain("1")["identity"] == who
    assert app.values("u1")["enabled"] is True


def test_an_object_that_another_mapping_takes_over_is_of_that_mappings_type(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA | {"kind": "staff"}}, mapping="scope: '[kind] = \"staff\"'" + HR)
    world.target("app", "account", mapping=APP.replace("delete", "disable"))
    contact = "identity: contact\nproject: true\ninbound: {precedence: 10, flows: {displayName: '[name]'}}\n"
    world.mapping("hr-guest", "hr", "worker", "scope: '[kind] = \"guest\"'\n" + contact)
    world.run()
    person = world.explain("1")["identity"]
    hr.edit("1", kind="guest")
    world.run()
    assert world.explain("1")["type"] == "contact"
    hr.edit("1", kind="staff")
    world.run()
    assert world.explain("1")["identity"] == person


def test_a_returning_object_that_cannot_be_judged_is_the_same_persons_once_it_can(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA, "2": BO}, mapping=HR)
    badge = world.source(
        "badge", "card", rows={"c": {"emp": "1", "end": "2027-01-01"}}, mapping="scope: 'CDate([end]) > Now()'" + CARD
    )
    world.run()
    badge.remove("c")
    world.run()
    badge.put("c", id="c", emp="2", end="?")
    assert kinds(world.run()["errors"]) == ["expression"]
    badge.edit("c", end="2027-01-01")
    world.run()
    assert anchors(world, "1") == ["1", "c"]


def test_a_returning_object_of_somebody_who_is_gone_is_somebody_new(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    app = world.target("app", "account", mapping=APP)
    world.run()
    hr.remove("1")
    world.run()
    assert world.status()["identities"] == {}
    hr.put("1", id="1", name="Ada")
    assert changed(world.run()) == [("app", "create", "u1")]
    assert list(app.all()) == ["u1"]


# --- the pure parts


@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from("ab"))),
    st.dictionaries(st.tuples(st.integers(1, 3), st.sampled_from("ab")), st.lists(st.integers(1, 4))),
    st.sets(st.integers(1, 4)),
)
def test_the_first_line_with_a_match_decides(
    keys: list[tuple[int, str]], identities: dict[tuple[int, str], list[int]], refused: set[int]
) -> None:
    found = matching_identities(Keys(keys), identities, refused)
    first = next((pair for pair in keys if set(identities.get(pair, ())) - refused), None)
    assert found == (tuple(sorted(set(identities[first]) - refused)) if first else ())


class _Rules:
    several = False


class _Mapping:
    id = 1
    rules = _Rules()


CLAIMS = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=2, unique=True), max_size=4)


@given(CLAIMS, st.sets(st.integers(1, 3)))
def test_no_order_of_claims_changes_who_joins(identities: list[list[int]], taken: set[int]) -> None:
    mapping: object = _Mapping()
    claims = [Claim(n, mapping, tuple(sorted(found))) for n, found in enumerate(identities)]  # type: ignore[arg-type]
    places = {(identity, 1) for identity in taken}

    def outcome(order: Sequence[Claim]) -> tuple[set[tuple[int, int]], set[tuple[int, str]]]:
        result = settle(order, places)
        return (
            {(claim.object, claim.identities[0]) for claim in result.joins},
            {(claim.object, kind) for claim, kind in result.cases},
        )

    joins, cases = outcome(claims)
    assert all(outcome(order) == (joins, cases) for order in permutations(claims))
    assert len({identity for _, identity in joins}) == len(joins)
    assert {identity for _, identity in joins}.isdisjoint(taken)
    assert len(joins) + len(cases) == len(claims)
