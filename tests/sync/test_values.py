"""The values of an identity: precedence, merging, computed and kept values, unknown, no echo, faults, leaving."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.app.check import CheckFailed
from muster.expressions import Context
from muster.model.schema import SystemSchema
from muster.model.values import Document, Value, items
from muster.store.names import Names
from muster.sync.clock import micros
from muster.sync.identities.values import Joined, Values, recompute
from muster.sync.rules.compiling import compile_rules
from muster.sync.rules.ruleset import CompiledMapping, CompiledType
from tests.sync.records import ADA, APP, BADGE, CARD, HR, sources
from tests.sync.world import START, World, changed, kinds

# --- precedence


def test_the_first_flow_in_order_of_precedence_that_is_not_null_wins(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.source("badge", "card", rows={"c": CARD}, mapping=BADGE)
    world.run()
    assert world.identity("1")["department"] == "Sales"
    hr.edit("1", dept=None)
    world.run()
    assert world.identity("1")["department"] == "Visitors"
    hr.edit("1", dept="Legal")
    world.run()
    assert world.identity("1")["department"] == "Legal"


def test_a_flow_may_carry_its_own_precedence(world: World) -> None:
    sources(world, badge=BADGE.replace("department: '[dept]'", "department: {value: '[dept]', precedence: 1}"))
    world.run()
    assert world.identity("1")["department"] == "Visitors"
    assert world.identity("1")["displayName"] == "Ada"


def test_a_flow_may_be_a_list_of_alternatives_tried_in_order(world: World) -> None:
    flow = "department: [{when: '[city] = \"Berlin\"', value: '\"Capital\"', precedence: 5}, {value: '[dept]'}]"
    sources(world, badge=BADGE.replace("department: '[dept]'", flow))
    world.run()
    assert world.identity("1")["department"] == "Capital"


def test_authoritative_null_wins_with_nothing(world: World) -> None:
    flow = "department: 'IIF(IsNullOrEmpty([dept]), AuthoritativeNull, [dept])'"
    hr = world.source(
        "hr", "worker", rows={"1": ADA}, mapping="dialect: connect" + HR.replace("department: '[dept]'", flow)
    )
    world.source("badge", "card", rows={"c": CARD}, mapping=BADGE)
    world.run()
    hr.edit("1", dept=None)
    world.run()
    assert world.identity("1").get("department") is None


def test_check_refuses_two_mappings_of_equal_precedence_for_one_attribute(world: World) -> None:
    sources(world, badge=BADGE.replace("precedence: 20", "precedence: 10"))
    with pytest.raises(CheckFailed) as failed:
        world.plan()
    messages = str(failed.value)
    assert "department" in messages
    assert "precedence" in messages


# --- merging


def jobs(flow: str) -> str:
    return f"""
    identity: person
    project: true
    several: true
    primary: '[main] = "yes"'
    join: [{{mail: '[mail]'}}]
    inbound: {{precedence: 10, flows: {{mail: '[mail]', {flow}}}}}
    """


@pytest.mark.parametrize(
    ("flow", "name", "expected"),
    [
        ("active: {value: '[x] = \"b\"', merge: any}", "active", True),
        ("active: {value: '[x] = \"b\"', merge: all}", "active", False),
        ("jobTitle: {value: '[x]', merge: max}", "jobTitle", "c"),
        ("jobTitle: {value: '[x]', merge: min}", "jobTitle", "a"),
        ("jobTitle: {value: '[x]', merge: first}", "jobTitle", "b"),
        ("skills: {value: '[x]', merge: union}", "skills", ["b", "a", "c"]),
    ],
)
def test_merge_says_what_becomes_of_several_values(world: World, flow: str, name: str, expected: Value) -> None:
    rows = {
        "1": {"mail": "ada@x", "x": "a"},
        "2": {"mail": "ada@x", "x": "b", "main": "yes"},
        "3": {"mail": "ada@x", "x": "c"},
        "4": {"mail": "ada@x"},
    }
    if name == "active":
        del rows["4"]
    world.source("hr", "job", rows=rows, mapping=jobs(flow))
    world.run()
    assert world.identity("1")[name] == expected


def test_whoever_still_has_one_live_job_is_here(world: World) -> None:
    rows = {"1": {"mail": "ada@x", "x": "live"}, "2": {"mail": "ada@x", "x": "live"}}
    hr = world.source("hr", "job", rows=rows, mapping=jobs("active: {value: '[x] = \"live\"', merge: any}"))
    world.run()
    hr.edit("1", x="over")
    world.run()
    assert world.identity("2")["active"] is True
    hr.edit("2", x="over")
    world.run()
    assert world.identity("2")["active"] is False


def test_a_fault_in_one_of_several_jobs_ends_nobodys_presence(world: World) -> None:
    rows = {"1": {"mail": "ada@x", "x": "2027-01-01"}, "2": {"mail": "ada@x", "x": "2025-01-01"}}
    flow = "active: {value: 'CDate([x]) > Now()', merge: any}"
    hr = world.source("hr", "job", rows=rows, mapping=jobs(flow))
    world.run()
    hr.edit("1", x="next year")
    assert kinds(world.run()["errors"]) == ["expression"]
    assert world.identity("2")["active"] is True
    hr.remove("1")
    assert world.run()["errors"] == []
    assert world.identity("2")["active"] is False


def test_references_of_several_sources_may_be_united(world: World) -> None:
    world.write("metaverse.yaml", "person: {attributes: {mentors: [reference]}}\n")
    flow = "mentors: {references: '[m]', to: job, merge: union}"
    rows = {
        "1": {"mail": "ada@x", "m": "3"},
        "2": {"mail": "ada@x", "m": "4"},
        "3": {"mail": "bo@x"},
        "4": {"mail": "cy@x"},
    }
    hr = world.source("hr", "job", rows=rows, mapping=jobs(flow))
    app = world.target(
        "app",
        "account",
        attributes={"mentors": "[reference]"},
        mapping="""
        identity: person
        join: [{mail: '[login]'}]
        outbound: {provision: 'true', flows: {login: '[mail]', mentors: {references: '[mentors]'}}}
        """,
    )
    world.run()
    assert sorted(map(str, items(app.values("ada@x")["mentors"]))) == ["bo@x", "cy@x"]
    hr.remove("2")
    world.run()
    assert app.values("ada@x")["mentors"] == ["bo@x"]


# --- computed and kept values


def test_computed_values_come_after_the_sources_and_may_build_on_one_another(world: World) -> None:
    world.write(
        "metaverse.yaml",
        """
        person:
          computed:
            nick: {value: 'ToLower([displayName])'}
            greeting: {value: 'Join(" ", "Hello", [nick])'}
        """,
    )
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.run()
    assert world.identity("1")["greeting"] == "Hello ada"
    hr.edit("1", name="Bo")
    world.run()
    assert world.identity("1")["greeting"] == "Hello bo"


def test_computed_values_in_a_circle_are_refused(world: World) -> None:
    world.write("metaverse.yaml", "person: {computed: {a: {value: '[b]'}, b: {value: '[a]'}}}\n")
    sources(world)
    with pytest.raises(CheckFailed) as failed:
        world.plan()
    assert "a → b → a" in str(failed.value)


def test_a_value_computed_once_survives_every_recomputation(world: World) -> None:
    world.write("metaverse.yaml", "person: {computed: {first: {value: '[displayName]', enforce: once}}}\n")
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.run()
    hr.edit("1", name="Augusta")
    world.run()
    hr.edit("1", name=None)
    world.run()
    assert world.identity("1")["first"] == "Ada"


def test_a_value_computed_once_waits_for_its_first_value(world: World) -> None:
    world.write("metaverse.yaml", "person: {computed: {first: {value: '[mail]', enforce: once}}}\n")
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.run()
    assert world.identity("1").get("first") is None
    hr.edit("1", mail="ada@x")
    world.run()
    assert world.identity("1")["first"] == "ada@x"


def test_keep_all_remembers_every_value_there_ever_was(world: World) -> None:
    world.write("metaverse.yaml", "person: {computed: {aliases: {value: '[mail]', keep: all}}}\n")
    hr = world.source("hr", "worker", rows={"1": ADA | {"mail": "a@x"}}, mapping=HR)
    for mail in ("b@x", None, "a@x", "c@x"):
        world.run()
        hr.edit("1", mail=mail)
    world.run()
    assert world.identity("1")["aliases"] == ["a@x", "b@x", "c@x"]


def test_an_override_wins_over_every_source_until_its_end(world: World) -> None:
    sources(world)
    world.run()
    world.hold(
        "1", "value", by="ops", why="test", attribute="department", value="Special", until=START + timedelta(days=2)
    )
    world.run()
    assert world.identity("1")["department"] == "Special"
    world.run(full=True)
    assert world.identity("1")["department"] == "Special"
    world.wait(days=3)
    world.run()
    assert world.identity("1")["department"] == "Sales"


def test_an_override_wins_over_a_computed_value_and_others_compute_from_it(world: World) -> None:
    world.write(
        "metaverse.yaml",
        "person: {computed: {nick: {value: 'ToLower([displayName])'}, tag: {value: 'Join(\"\", \"#\", [nick])'}}}\n",
    )
    sources(world)
    world.run()
    world.hold("1", "value", by="ops", why="test", attribute="nick", value="countess", until=START + timedelta(days=2))
    world.run()
    assert (world.identity("1")["nick"], world.identity("1")["tag"]) == ("countess", "#countess")
    world.wait(days=3)
    world.run()
    assert (world.identity("1")["nick"], world.identity("1")["tag"]) == ("ada", "#ada")


def test_an_override_with_nothing_takes_the_value_away(world: World) -> None:
    sources(world)
    world.run()
    world.hold("1", "value", by="ops", why="test", attribute="department", value=None)
    world.run()
    assert world.identity("1").get("department") is None


# --- no echo


BOTH = """
identity: person
project: true
join:
  - employeeId: '[emp]'
inbound:
  precedence: 5
  flows: {employeeId: '[emp]', displayName: '[name]'}
outbound:
  provision: '[active]'
  deprovision: disable
  flows: {login: 'Join("", "u", [employeeId])', emp: '[employeeId]', name: {value: '[displayName]', enforce: change}}
"""


def test_a_value_that_muster_wrote_does_not_flow_back_in(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    app = world.target("app", "account", mapping=BOTH)
    world.run()
    hr.edit("1", name="Augusta")
    world.run(full=True)
    assert app.values("u1")["name"] == "Augusta"
    assert world.identity("1")["displayName"] == "Augusta"


def test_a_value_flows_in_once_another_hand_changed_it(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    app = world.target("app", "account", mapping=BOTH)
    world.run()
    app.edit("u1", name="Countess")
    world.run()
    assert world.identity("1")["displayName"] == "Countess"


def test_an_account_that_muster_made_keeps_nobody_alive(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    app = world.target("app", "account", mapping=BOTH)
    world.run()
    hr.remove("1")
    assert changed(world.run(full=True)) == [("app", "disable", "u1")]
    world.run(full=True)
    assert world.status()["leaving"] == 1
    assert app.values("u1")["enabled"] is False


def test_an_account_that_muster_made_projects_nobody(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    app = world.target("app", "account", mapping="scope: '[park] = NULL'" + BOTH)
    world.run()
    with world.muster() as muster:
        muster.decide("split", by="ops", system="app", anchor="u1")
    world.run()
    assert world.status()["identities"] == {"person": 1}
    assert list(app.all()) == ["u1"]


# --- faults


def test_a_fault_keeps_the_last_good_value_of_that_attribute_and_everything_else_goes_on(world: World) -> None:
    hr = world.source(
        "hr",
        "worker",
        rows={"1": ADA | {"n": "1"}, "2": ADA | {"n": "2"}},
        mapping=HR.replace("'[dept]'", "'CStr(CNum([n]))'"),
    )
    world.target("app", "account", mapping=APP)
    world.run()
    hr.edit("1", n="many", name="Augusta")
    hr.edit("2", n="22")
    result = world.run()
    assert [(e["kind"], e["anchor"]) for e in result["errors"]] == [("expression", "1")]
    assert "mappings/hr-worker.yaml:10" in result["errors"][0]["message"]
    assert (world.identity("1")["department"], world.identity("1")["displayName"]) == ("1", "Augusta")
    assert world.identity("2")["department"] == "22"
    assert kinds(world.plan()["errors"]) == ["expression"]
    hr.edit("1", n="3")
    assert world.run()["errors"] == []
    assert world.identity("1")["department"] == "3"


def test_a_fault_of_the_better_source_lets_no_worse_one_win(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA | {"n": "1"}}, mapping=HR.replace("'[dept]'", "'CStr(CNum([n]))'"))
    world.source("badge", "card", rows={"c": CARD}, mapping=BADGE)
    world.run()
    hr.edit("1", n="many")
    world.run()
    assert world.identity("1")["department"] == "1"


def test_a_fault_of_a_worse_source_changes_nothing(world: World) -> None:
    world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.source("badge", "card", rows={"c": CARD}, mapping=BADGE.replace("'[dept]'", "'CStr(CNum([dept]))'"))
    assert kinds(world.run()["errors"]) == ["expression"]
    assert world.identity("1")["department"] == "Sales"


def test_a_fault_keeps_the_last_good_reference(world: World) -> None:
    mapping = HR.replace(
        "mail: '[mail]'", "manager: {reference: 'IIF([boss] = \"?\", CStr(CNum([boss])), [boss])', to: worker}"
    )
    rows = {"1": ADA, "2": {"name": "Bo", "boss": "1", "live": "yes"}}
    hr = world.source("hr", "worker", rows=rows, mapping=mapping)
    app = world.target(
        "app",
        "account",
        attributes={"manager": "reference"},
        mapping=APP.replace("dept: '[department]'", "manager: {reference: '[manager]'}"),
    )
    world.run()
    assert app.values("u2")["manager"] == "u1"
    hr.edit("2", boss="?")
    result = world.run()
    assert kinds(result["errors"]) == ["expression"]
    assert changed(result) == []
    hr.edit("2", boss=None)
    world.run()
    assert "manager" not in app.values("u2")


def test_a_fault_in_a_computed_value_keeps_its_last_good_value(world: World) -> None:
    world.write("metaverse.yaml", "person: {computed: {double: {value: 'CStr(CNum([department]))'}}}\n")
    hr = world.source("hr", "worker", rows={"1": ADA | {"dept": "7"}}, mapping=HR)
    world.run()
    hr.edit("1", dept="seven")
    assert kinds(world.run()["errors"]) == ["expression"]
    assert world.identity("1")["double"] == "7"


def test_a_fault_never_freezes_its_own_persons_leaving(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA | {"n": "1"}}, mapping=HR.replace("'[dept]'", "'CStr(CNum([n]))'"))
    world.target("app", "account", mapping=APP)
    world.run()
    hr.edit("1", n="many", live="no")
    result = world.run()
    assert kinds(result["errors"]) == ["expression"]
    assert changed(result) == [("app", "disable", "u1")]


def test_presence_freezes_when_its_own_inputs_are_at_fault_until_the_person_is_gone(world: World) -> None:
    hr = world.source(
        "hr",
        "worker",
        rows={"1": ADA | {"end": "2027-01-01"}},
        mapping=HR.replace("'[live] = \"yes\"'", "'CDate([end]) > Now()'"),
    )
    world.target("app", "account", mapping=APP)
    world.run()
    hr.edit("1", end="one day")
    assert changed(world.run()) == []
    hr.remove("1")
    assert changed(world.run()) == [("app", "disable", "u1")]


def test_a_value_of_the_wrong_type_is_a_fault_of_that_value(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR.replace("'[live] = \"yes\"'", "'[live]'"))
    assert world.run()["errors"] == []
    hr.edit("1", live="perhaps", dept="Legal")
    result = world.run()
    assert "expected true or false, found 'perhaps'" in result["errors"][0]["message"]
    assert (world.identity("1")["active"], world.identity("1")["department"]) == (True, "Legal")


# --- leaving


def test_after_the_last_source_object_a_person_is_leaving_and_provision_is_false_everywhere(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    world.source("badge", "card", rows={"c": CARD}, mapping=BADGE)
    world.target("app", "account", mapping=APP.replace("'[active]'", "'true'"))
    world.run()
    hr.remove("1")
    assert changed(world.run()) == [("app", "disable", "u1")]
    assert world.status()["leaving"] == 1
    assert world.explain("c")["leaving"] is True


def test_a_person_lives_while_one_object_that_may_project_it_is_there(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": CARD}, mapping="project: true" + BADGE)
    world.target("app", "account", mapping=APP.replace("'[active]'", "'true'"))
    world.run()
    hr.remove("1")
    assert ("app", "disable", "u1") not in changed(world.run())
    assert world.status()["leaving"] == 0
    badge.remove("c")
    assert changed(world.run()) == [("app", "disable", "u1")]


def test_a_person_of_whom_no_object_is_left_is_deleted(world: World) -> None:
    hr = world.source("hr", "worker", rows={"1": ADA}, mapping=HR)
    badge = world.source("badge", "card", rows={"c": CARD}, mapping=BADGE)
    world.run()
    hr.remove("1")
    world.run()
    assert world.status()["identities"] == {"person": 1}
    badge.remove("c")
    world.run()
    assert world.status()["identities"] == {}


# --- the pure function


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompiledType, CompiledMapping]:
    """A mapping of several jobs a person, compiled."""
    flows = """
    jobTitle: '[x]', department: {value: '[x]', merge: max}, skills: {value: '[x]', merge: union},
    city: 'IIF([x] = "c", CStr(CNum([x])), [x])'
    """
    with World(tmp_path_factory.mktemp("compiled")) as world:
        world.source("hr", "job", mapping=jobs(" ".join(flows.split())))
        world.run()
        with world.muster() as muster, muster.database.read() as session:
            data = session.value("SELECT schema FROM system WHERE name = ?", "hr")
        schemas = {"hr": msgspec.json.decode(bytes(data), type=SystemSchema)}
        with world.muster() as muster:
            rules = compile_rules(muster.project, schemas, Names(muster.database))
        return rules.types["person"], next(iter(rules.mappings.values()))


def worked_out(
    compiled: tuple[CompiledType, CompiledMapping], rows: Sequence[tuple[str, str | None]], old: Document
) -> Values:
    kind, mapping = compiled
    joined = [
        Joined(n, mapping, anchor, {"mail": "m"} if value is None else {"mail": "m", "x": value})
        for n, (anchor, value) in enumerate(rows)
    ]
    return recompute(kind, Values(old, {}, [], {}, None, []), joined, Context(now=START), micros(START))


ROWS = st.lists(
    st.tuples(st.sampled_from("wxyz"), st.one_of(st.none(), st.sampled_from("abc"))),
    min_size=1,
    max_size=4,
    unique_by=lambda row: row[0],
)


@given(ROWS)
def test_no_order_of_objects_changes_a_value(
    compiled: tuple[CompiledType, CompiledMapping], rows: list[tuple[str, str | None]]
) -> None:
    old: Document = {"city": "old"}
    documents = [worked_out(compiled, order, old).document for order in permutations(rows)]
    assert all(document == documents[0] for document in documents)
    values = [value for _, value in sorted(rows) if value is not None]
    assert documents[0].get("jobTitle") == (values[0] if values else None)
    assert documents[0].get("department") == (max(values) if values else None)
    assert documents[0].get("skills") == (list(dict.fromkeys(values)) or None)


@given(ROWS)
def test_a_value_is_that_of_the_best_source_and_its_last_good_one_where_that_source_is_at_fault(
    compiled: tuple[CompiledType, CompiledMapping], rows: list[tuple[str, str | None]]
) -> None:
    best = next((value for _, value in sorted(rows) if value is not None), None)
    values = worked_out(compiled, rows, {"city": "old"})
    assert values.document.get("city") == ("old" if best == "c" else best)
    assert len(values.troubles) == sum(1 for _, value in rows if value == "c")


@given(ROWS)
def test_working_out_again_changes_nothing(
    compiled: tuple[CompiledType, CompiledMapping], rows: list[tuple[str, str | None]]
) -> None:
    once = worked_out(compiled, rows, {"city": "old"})
    again = worked_out(compiled, rows, once.document)
    assert again.document == once.document
