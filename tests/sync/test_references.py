"""References: edges between identities, by whatever names the target, for the account they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.model import dn
from muster.model.values import Value
from muster.sync.plan_document import LATER
from tests.sync.bosses import APP, PERSON, PLAIN, REFERENCE, TEAM, held, two_people
from tests.sync.world import MemorySide, World, changed, schema, the_change

# --- plain flows


@pytest.mark.parametrize("boss", ["'\"the boss\"'", "'[mail]'", "{value: '[mail]', enforce: once}"])
def test_a_text_that_is_no_dn_is_refused_in_the_plan_and_everything_else_is_written(tmp_path: Path, boss: str) -> None:
    with World(tmp_path) as world:
        hr = "identity: person\nproject: true\ninbound: {precedence: 10, flows: {employeeId: '[id]', mail: '[mail]'}}"
        world.source("hr", "worker", mapping=hr, rows={"1": {"mail": "ada@x"}, "2": {"mail": "cn=bo,dc=x"}})
        app = world.target(
            "app",
            "account",
            anchor="id",
            attributes={"boss": "reference"},
            mapping="identity: person\noutbound:\n  provision: 'true'\n  flows:\n"
            f"    id: '[employeeId]'\n    dn: 'Join(\"\", \"cn=\", [employeeId])'\n    boss: {boss}\n",
            naming="dn",
            name_is_dn=True,
        )
        for document in (world.plan(), world.run()):
            told = [error["message"] for error in document["errors"]]
            assert len(told) == (2 if "the boss" in boss else 1)
            assert "mappings/app-account.yaml:9:" in told[0]
            assert "boss: expected a distinguished name such as cn=ada,dc=acme,dc=example, found '" in told[0]
            assert "write a `reference`" in told[0]
        bosses = {str(values["dn"]): values.get("boss") for values in app.all().values()}
        assert bosses == {"cn=1": None, "cn=2": None if "the boss" in boss else "cn=bo,dc=x"}


@pytest.mark.parametrize(
    "name",
    ["cn=a", " CN = a,dc=x", "2.5.4.3=a", "<GUID=f00>", "o-u=x", 'cn="a, b",o=c', "cn=a\\,b,o=c", "cn=a#'0101'B"],
)
def test_whatever_may_be_a_dn_is_let_through(name: str) -> None:
    assert dn.is_name(name)


@pytest.mark.parametrize("text", ["ada", "ada@x", "a b=c", "=a", "4711", "1.=a", "/ou=x"])
def test_what_cannot_be_a_dn_is_none(text: str) -> None:
    assert not dn.is_name(text)


# --- what a reference may name its target by


@pytest.mark.parametrize(
    ("to", "boss"),
    [("person.employeeId", "1"), ("person.mail", "ADA@x"), ("worker", "1"), ("hr/worker", "1")],
)
def test_a_reference_names_its_target_by_a_join_attribute_or_by_an_anchor(tmp_path: Path, to: str, boss: str) -> None:
    with World(tmp_path) as world:
        _, app = two_people(world, to, boss)
        world.run()
        assert app.values("2")["manager"] == "1"
        assert "manager" not in app.values("1")


def test_a_reference_may_name_an_object_of_another_system(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.source(
            "badges",
            "badge",
            rows={"b-7": {"owner": "1"}},
            mapping="""
                identity: person
                join: [{employeeId: '[owner]'}]
                inbound: {precedence: 50, flows: {badgeNumber: '[id]'}}
            """,
        )
        world.write("metaverse.yaml", "person: {attributes: {badgeNumber: text}}")
        _, app = two_people(world, "badges/badge", "b-7")
        world.run()
        assert app.values("2")["manager"] == "1"


def test_a_reference_without_a_type_names_any_object_of_its_system(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.system(
            "ad",
            schema("user", "id", {}, enabled=False),
            schema("team", "id", {"member": "[reference]"}, enabled=False),
        )
        ad = {kind: MemorySide(world._systems[0], kind) for kind in ("user", "team")}
        user = "identity: person\nproject: true\ninbound: {precedence: 10, flows: {displayName: '[name]'}}"
        world.mapping("ad-user", "ad", "user", user)
        world.mapping(
            "ad-team",
            "ad",
            "team",
            """
            identity: group
            project: true
            inbound:
              precedence: 10
              flows: {displayName: '[name]', members: {references: '[member]'}}
            """,
        )
        ad["user"].put("u1", id="u1", name="Ada")
        ad["team"].put("t1", id="t1", name="Inner")
        ad["team"].put("t2", id="t2", name="Outer", member=["u1", "t1", "nobody"])
        world.target(
            "wiki",
            "page",
            mapping="""
                identity: group
                outbound:
                  provision: 'true'
                  flows: {login: '[displayName]', member: {references: '[members]'}}
            """,
            attributes={"member": "[reference]"},
        )
        world.mapping(
            "wiki-reader",
            "wiki",
            "page",
            """
            identity: person
            scope: '[login] = "Ada"'
            outbound: {provision: 'true', flows: {login: '[displayName]'}}
            """,
        )
        world.drop("mappings/wiki-page.yaml")
        world.mapping(
            "wiki-page",
            "wiki",
            "page",
            """
            identity: group
            scope: '[login] <> "Ada"'
            outbound:
              provision: 'true'
              flows: {login: '[displayName]', member: {references: '[members]'}}
            """,
        )
        world.run()
        wiki = MemorySide(world._systems[1], "page")
        members = wiki.values("Outer")["member"]
        assert isinstance(members, list)
        assert sorted(map(str, members)) == ["Ada", "Inner"]


# --- targets that are not there, or not yet


def test_an_unresolved_target_is_kept_and_resolved_when_it_appears(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        hr, app = two_people(world, "worker", boss="9")
        world.run()
        assert "manager" not in app.values("2")
        hr.put("9", id="9", mail="cy@x")
        world.run()
        assert app.values("2")["manager"] == "9"
        assert world.plan()["changes"] == []


def test_a_target_that_gets_its_join_value_later_is_found_then(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        hr, app = two_people(world, "person.mail", boss="late@x")
        world.run()
        assert "manager" not in app.values("2")
        hr.edit("1", mail="late@x")
        assert changed(world.run()) == [("app", "update", "2")]
        assert app.values("2")["manager"] == "1"


def test_a_key_of_two_identities_leads_to_neither_until_one_of_them_is_gone(tmp_path: Path) -> None:
    with World(tmp_path, safety="safety: {percent: 100}") as world:
        hr, app = two_people(world, "person.mail", boss="ada@x")
        hr.put("3", id="3", mail="ada@x")
        world.run()
        assert "manager" not in app.values("2")
        hr.remove("3")
        world.run()
        assert app.values("2")["manager"] == "1"


def test_a_reference_ends_when_its_target_is_gone_for_good(tmp_path: Path) -> None:
    with World(tmp_path, safety="safety: {percent: 100}") as world:
        hr, app = two_people(world, "worker")
        world.run()
        hr.remove("1")
        world.run()
        world.run()
        assert sorted(app.all()) == ["2"]
        assert "manager" not in app.values("2")
        assert world.plan()["changes"] == []


def test_an_edge_waits_while_its_target_has_no_object_in_the_system(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        hr = world.source(
            "hr",
            "worker",
            rows={"1": {"status": "soon"}, "2": {"status": "here", "boss": "1"}},
            mapping=(PERSON % "worker").replace("active: 'true'", "active: '[status] = \"here\"'"),
        )
        app = world.target("app", "account", mapping=APP, attributes=REFERENCE)
        world.run()
        assert app.all().keys() == {"2"}
        assert "manager" not in app.values("2")
        hr.edit("1", status="here")
        world.run()
        assert app.values("2")["manager"] == "1"


# --- who wins, and for whom


def test_a_single_valued_reference_goes_by_precedence(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        hr, app = two_people(world, "worker")
        hr.put("3", id="3", mail="cy@x")
        portal = world.source(
            "portal",
            "card",
            rows={"2": {"boss": "3"}},
            mapping="""
                identity: person
                join: [{employeeId: '[id]'}]
                inbound:
                  precedence: 5
                  flows: {manager: {reference: '[boss]', to: person.employeeId}}
            """,
        )
        world.run()
        assert app.values("2")["manager"] == "3"
        portal.edit("2", boss=None)
        world.run()
        assert app.values("2")["manager"] == "1"
        portal.edit("2", boss="3")
        hr.edit("2", boss=None)
        world.run()
        assert app.values("2")["manager"] == "3"


ADMINS = """
identity: person
account: admin
join: [{employeeId: '[emp]'}]
scope: 'Left([login], 2) = "a-"'
outbound:
  provision: '[jobTitle] = "admin"'
  flows: {login: 'Join("", "a-", [employeeId])', emp: '[employeeId]'}
"""


@pytest.mark.parametrize("large", ["", " large"])
def test_an_edge_for_an_administrators_account_is_written_for_that_account_only(tmp_path: Path, large: str) -> None:
    with World(tmp_path) as world:
        members = {"member": f"[reference]{large}"}
        world.source("hr", "worker", rows={"1": {"job": "admin"}, "2": {}}, mapping="""
            identity: person
            project: true
            join: [{employeeId: '[id]'}]
            inbound:
              precedence: 10
              flows: {employeeId: '[id]', jobTitle: '[job]', active: 'true'}
        """)  # fmt: skip
        ad = world.system(
            "ad",
            schema("user", "login", {}),
            schema("group", "id", members, enabled=False),
        )
        lab = world.system("lab", schema("user", "login", {}), schema("group", "id", members, enabled=False))
        for name in ("ad", "lab"):
            world.mapping(f"{name}-plain", name, "user", PLAIN)
            world.mapping(f"{name}-admin", name, "user", ADMINS)
        world.mapping("ad-group", "ad", "group", TEAM.replace(", to: %s", ""))
        world.mapping("lab-group", "lab", "group", """
            identity: group
            outbound:
              provision: 'true'
              flows: {id: '[displayName]', member: {references: '[members]'}}
        """)  # fmt: skip
        world.run()
        people, groups = MemorySide(ad, "user"), MemorySide(ad, "group")
        assert people.all().keys() == {"1", "a-1", "2"}
        if large:
            ad.put("group", "ops", {"id": "ops"})
            groups.edges("ops", "member", ["a-1", "2"])
        else:
            ad.put("group", "ops", {"id": "ops", "member": ["a-1", "2"]})
        world.run()
        assert held(MemorySide(lab, "group"), "ops", large) == {"a-1", "2"}


@pytest.mark.parametrize("large", ["", " large"])
def test_edges_follow_when_a_mapping_becomes_that_of_another_account(tmp_path: Path, large: str) -> None:
    with World(tmp_path) as world:
        members = {"member": f"[reference]{large}"}
        world.source("hr", "worker", rows={"1": {"job": "admin"}, "2": {}}, mapping="""
            identity: person
            project: true
            join: [{employeeId: '[id]'}]
            inbound:
              precedence: 10
              flows: {employeeId: '[id]', jobTitle: '[job]', active: 'true'}
        """)  # fmt: skip
        systems = {
            name: world.system(name, schema("user", "login", {}), schema("group", "id", members, enabled=False))
            for name in ("ad", "lab")
        }
        other = ADMINS.replace("account: admin", "account: other")
        for name in systems:
            world.mapping(f"{name}-plain", name, "user", PLAIN)
            world.mapping(f"{name}-admin", name, "user", ADMINS if name == "lab" else other)
        world.mapping("ad-group", "ad", "group", TEAM.replace(", to: %s", ""))
        world.mapping("lab-group", "lab", "group", """
            identity: group
            outbound:
              provision: 'true'
              flows: {id: '[displayName]', member: {references: '[members]'}}
        """)  # fmt: skip
        world.run()
        teams, groups = MemorySide(systems["ad"], "group"), MemorySide(systems["lab"], "group")
        if large:
            teams.put("ops", id="ops")
            teams.edges("ops", "member", ["a-1", "2"])
        else:
            teams.put("ops", id="ops", member=["a-1", "2"])
        world.run()
        assert held(groups, "ops", large) == {"2"}
        world.mapping("ad-admin", "ad", "user", ADMINS)
        world.run()
        assert held(groups, "ops", large) == {"a-1", "2"}
        assert world.plan(full=True)["changes"] == []
        world.mapping("lab-admin", "lab", "user", other)
        world.run()
        assert held(groups, "ops", large) == {"2"}
        world.mapping("ad-admin", "ad", "user", other)
        world.run()
        assert held(groups, "ops", large) == {"a-1", "2"}


def test_a_reference_by_a_join_value_means_the_main_account(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.source("hr", "worker", rows={"1": {"job": "admin"}, "2": {"boss": "1"}}, mapping="""
            identity: person
            project: true
            join: [{employeeId: '[id]'}]
            inbound:
              precedence: 10
              flows:
                employeeId: '[id]'
                jobTitle: '[job]'
                active: 'true'
                manager: {reference: '[boss]', to: worker}
        """)  # fmt: skip
        system = world.system("ad", schema("user", "login", {"manager": "reference"}))
        world.mapping("ad-plain", "ad", "user", PLAIN.rstrip()[:-1] + ", manager: {reference: '[manager]'}}\n")
        world.mapping("ad-admin", "ad", "user", ADMINS)
        world.run()
        assert MemorySide(system, "user").values("2")["manager"] == "1"


# --- those who read through a reference


def test_a_change_of_the_manager_touches_those_who_read_it_through_the_reference(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        hr, _ = two_people(world, "worker")
        mail = world.target(
            "mail",
            "box",
            mapping="""
                identity: person
                outbound:
                  provision: 'true'
                  flows: {login: '[employeeId]', copy: '[manager.mail]'}
            """,
        )
        world.run()
        assert mail.values("2")["copy"] == "ada@x"
        hr.edit("1", mail="ada.byron@x")
        assert changed(world.run(), "mail") == [("mail", "update", "2")]
        assert mail.values("2")["copy"] == "ada.byron@x"


def test_reading_through_two_references_follows_a_change_at_the_far_end_and_in_the_middle(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        rows: Mapping[str, Mapping[str, Value]] = {
            "1": {"mail": "top@x"},
            "2": {"mail": "mid@x", "boss": "1"},
            "3": {"mail": "low@x", "boss": "2"},
            "4": {"mail": "other@x"},
        }
        hr = world.source("hr", "worker", rows=rows, mapping=PERSON % "worker")
        mail = world.target(
            "mail",
            "box",
            mapping="""
                identity: person
                outbound:
                  provision: 'true'
                  flows: {login: '[employeeId]', top: '[manager.manager.mail]'}
            """,
        )
        world.run()
        assert mail.values("3")["top"] == "top@x"
        hr.edit("1", mail="new@x")
        world.run()
        assert mail.values("3")["top"] == "new@x"
        hr.edit("2", boss="4")
        world.run()
        assert mail.values("3")["top"] == "other@x"
        hr.edit("2", boss=None)
        world.run()
        assert "top" not in mail.values("3")


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(["1", "2", "3"]))
def test_a_computed_value_reads_through_references_whatever_the_order_of_arrival(
    tmp_path_factory: pytest.TempPathFactory, order: list[str]
) -> None:
    bosses = dict(zip(order, [None, *order], strict=False))
    with World(tmp_path_factory.mktemp("world")) as world:
        world.write(
            "metaverse.yaml",
            """
            person:
              attributes: {line: text}
              computed: {line: {value: 'Coalesce([manager.mail], "none")'}}
            """,
        )
        rows = {key: {"mail": f"{key}@x", **({"boss": boss} if boss else {})} for key, boss in bosses.items()}
        hr = world.source("hr", "worker", mapping=PERSON % "worker")
        app = world.target(
            "app",
            "account",
            mapping="""
                identity: person
                outbound: {provision: 'true', flows: {login: '[employeeId]', line: '[line]'}}
            """,
        )
        for key in order[::-1]:
            hr.put(key, id=key, **rows[key])
            world.run()
        assert {key: app.values(key)["line"] for key in order} == {
            key: f"{boss}@x" if boss else "none" for key, boss in bosses.items()
        }


def test_small_many_valued_references_gain_and_lose_single_values(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        people = {key: {"name": key.upper()} for key in "abc"}
        world.source("hr", "worker", rows=people, mapping=PERSON % "worker")
        teams = world.source(
            "teams",
            "team",
            rows={"t": {"member": ["a", "b"]}},
            attributes={"member": "[text]"},
            mapping=TEAM % "hr/worker",
        )
        system = world.system(
            "app", schema("account", "login", {}), schema("team", "id", {"member": "[reference]"}, enabled=False)
        )
        world.mapping("app-account", "app", "account", APP.replace("    manager: {reference: '[manager]'}\n", ""))
        world.mapping("app-team", "app", "team", """
            identity: group
            outbound:
              provision: 'true'
              flows: {id: '[displayName]', member: {references: '[members]'}}
        """)  # fmt: skip
        app = MemorySide(system, "team")
        world.run()
        assert held(app, "t", "") == {"a", "b"}
        teams.edit("t", member=["b", "c"])
        plan = world.plan()
        assert [c["attributes"]["member"] for c in plan["changes"]] == [{"add": ["c"], "remove": ["a"]}]
        world.apply()
        assert held(app, "t", "") == {"b", "c"}


def test_a_member_who_gets_an_account_in_the_same_plan_comes_to_those_that_are_there(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        hr = world.source("hr", "worker", rows={key: {"name": key} for key in "abc"}, mapping=PERSON % "worker")
        teams = world.source(
            "teams",
            "team",
            rows={"t": {"member": ["a"]}},
            attributes={"member": "[text]"},
            mapping=TEAM % "hr/worker",
        )
        system = world.system(
            "app", schema("account", "login", {}), schema("team", "id", {"member": "[reference]"}, enabled=False)
        )
        world.mapping("app-account", "app", "account", APP.replace("    manager: {reference: '[manager]'}\n", ""))
        world.mapping("app-team", "app", "team", """
            identity: group
            outbound:
              provision: 'true'
              flows: {id: '[displayName]', member: {references: '[members]'}}
        """)  # fmt: skip
        app = MemorySide(system, "team")
        world.run()
        for key in "de":
            hr.put(key, id=key, name=key)
        teams.edit("t", member=["a", "b", "d", "e"])
        teams.put("u", id="u", member=["c", "d"])
        plan = world.plan()
        assert the_change(plan, "app", "t")["attributes"]["member"] == {"add": ["b", LATER, LATER], "remove": []}
        assert the_change(plan, "app", "u")["attributes"]["member"] == {"from": None, "to": ["c", LATER]}
        result = world.apply()
        assert held(app, "t", "") == {"a", "b", "d", "e"}
        assert held(app, "u", "") == {"c", "d"}
        assert (result["stale"], result["summary"]) == ([], plan["summary"])
        assert world.plan()["changes"] == []


def test_a_default_reference_leaves_what_is_there_also_when_ours_is_still_to_be_made(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        hr, app = two_people(world, "worker")
        world.mapping("app-account", "app", "account", APP.replace("[manager]'}", "[manager]', enforce: default}"))
        world.run()
        app.edit("2", manager="x")
        hr.put("3", id="3", name="Cy")
        hr.edit("2", boss="3")
        assert changed(world.run()) == [("app", "create", "3")]
        assert app.values("2")["manager"] == "x"


def test_references_come_out_the_same_whatever_arrives_first(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = []
    for order in permutations(("1", "2", "3")):
        with World(tmp_path_factory.mktemp("world")) as world:
            hr, app = two_people(world, "person.mail", boss="cy@x")
            for key in ("1", "2"):
                hr.remove(key)
            rows: dict[str, dict[str, Value]] = {
                "1": {"mail": "ada@x", "boss": "bo@x"},
                "2": {"mail": "bo@x", "boss": "cy@x"},
                "3": {"mail": "cy@x", "boss": "ada@x"},
            }
            for key in order:
                hr.put(key, id=key, **rows[key])
                world.run()
            found.append(app.all())
    assert found[0]["2"]["manager"] == "3"
    assert all(one == found[0] for one in found)
