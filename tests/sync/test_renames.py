"""Renames and moves: names are DNs, and whoever refers to one follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.connectors.kit.memory import MemoryConnector
from muster.model import dn
from muster.model.aside import stands_aside
from muster.model.changes import Change, Outcome
from muster.sync.names.containers import carried
from tests.sync.directory import Directory
from tests.sync.world import MemorySide, World, changed, schema, the_change

UNIT = """
identity: org-unit
project: true
join: [{displayName: '[id]'}]
inbound: {precedence: 10, flows: {displayName: '[id]', description: '[name]'}}
"""
PERSON = """
identity: person
project: true
join: [{employeeId: '[id]'}]
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    displayName: '[name]'
    department: '[unit]'
    active: 'true'
    manager: {reference: '[boss]', to: worker}
"""
TEAM = """
identity: group
project: true
join: [{displayName: '[id]'}]
inbound:
  precedence: 10
  flows: {displayName: '[id]', members: {references: '[member]', to: hr/worker}}
"""
LDAP_UNIT = """
identity: org-unit
join: [{displayName: '[code]'}]
outbound:
  provision: 'true'
  flows:
    dn: 'Join("", "OU=", EscapeDN([description]), ",DC=acme")'
    code: '[displayName]'
"""
LDAP_PERSON = """
identity: person
join: [{employeeId: '[number]'}]
outbound:
  provision: '[active]'
  deprovision: delete
  flows:
    dn: 'Join("", "CN=", EscapeDN([displayName]), ",OU=", EscapeDN([department]), ",DC=acme")'
    number: '[employeeId]'
    manager: {reference: '[manager]'}
"""
LDAP_GROUP = """
identity: group
join: [{displayName: '[code]'}]
outbound:
  provision: 'true'
  flows:
    dn: 'Join("", "CN=", [displayName], ",OU=Groups,DC=acme")'
    code: '[displayName]'
    member: {references: '[members]'}
"""


class Land:
    """People, units and teams; a directory that holds them by DN."""

    def __init__(
        self, folder: Path, *, keeps: bool = True, read_dn: bool = False, members: str = "[reference] large"
    ) -> None:
        self.world = World(folder, safety="safety: {percent: 100, members: 100, updates: 100}")
        self.units = self.world.source("units", "unit", mapping=UNIT)
        self.hr = self.world.source("hr", "worker", mapping=PERSON)
        self.teams = self.world.source("teams", "team", mapping=TEAM, attributes={"member": "[reference] large"})
        kinds = {
            "unit": {},
            "person": {"manager": "reference", "cn": "[text]"},
            "group": {"member": members},
        }
        schemas = [
            schema(
                kind,
                "id",
                {"dn": "text inexact", **attributes},
                enabled=False,
                assigned=True,
                naming="dn",
                name_is_dn=True,
                keeps_references=keeps,
            )
            for kind, attributes in kinds.items()
        ]
        self.directory = Directory(f"ldap-{uuid4().hex}", schemas, keeps=keeps)
        self.world._systems.append(self.directory)
        self.world.write(
            "systems/ldap.yaml",
            f"connector: memory\nsettings: {{system: {self.directory.name}}}\n"
            "objects: {unit: {}, person: {}, group: {}}\n",
        )
        person = LDAP_PERSON
        if read_dn:
            person += "inbound: {precedence: 50, flows: {onPremisesDistinguishedName: '[dn]'}}\n"
        for kind, text in (("unit", LDAP_UNIT), ("person", person), ("group", LDAP_GROUP)):
            self.world.mapping(f"ldap-{kind}", "ldap", kind, text)
        self.people = MemorySide(self.directory, "person")
        self.groups = MemorySide(self.directory, "group")

    def __enter__(self) -> Land:
        return self

    def __exit__(self, *exc: object) -> None:
        self.world.close()

    def fill(self) -> None:
        """One unit with three people, the first their boss and all in one team; made in the directory."""
        self.units.put("u1", id="u1", name="Sales")
        for number, name in (("1", "Ada"), ("2", "Bo, jr"), ("3", "Cy")):
            boss: dict[str, Any] = {} if number == "1" else {"boss": "1"}
            self.hr.put(number, id=number, name=name, unit="Sales", **boss)
        self.teams.put("t", id="t")
        self.teams.edges("t", "member", ["1", "2", "3"])
        result = self.world.run()
        assert result["errors"] == [] == result["held"]
        assert self.world.plan()["changes"] == []

    def anchor(self, name: str) -> str:
        """The anchor of the entry with this first part of its name."""
        found = [
            key
            for kind in self.directory.types
            for key, values in MemorySide(self.directory, kind).all().items()
            if str(values["dn"]).split("=", 1)[1].startswith(name)
        ]
        assert len(found) == 1
        return found[0]

    def rename(self, kind: str, name: str, new: str) -> None:
        """By another hand."""
        anchor = self.anchor(name)
        values = MemorySide(self.directory, kind).values(anchor)
        self.directory.put(kind, anchor, {**values, "dn": new})

    def names(self, kind: str = "person") -> set[str]:
        return {str(values["dn"]) for values in MemorySide(self.directory, kind).all().values()}

    def members(self, name: str = "t") -> set[str]:
        anchor = self.anchor(name)
        small = self.groups.values(anchor).get("member")
        return set(map(str, small)) if isinstance(small, list) else self.groups.members(anchor, "member")

    def managers(self) -> dict[str, Any]:
        return {str(v["number"]): v.get("manager") for v in self.people.all().values()}


def test_containers_are_made_before_what_they_hold(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.hr.put("1", id="1", name="Ada", unit="Sales")
        land.units.put("u1", id="u1", name="Sales")
        order: list[str] = []
        with written(order):
            land.world.run()
        assert order == ["OU=Sales,DC=acme", "CN=Ada,OU=Sales,DC=acme"]


class written:
    """Notes the names of what is written, in order."""

    def __init__(self, found: list[str]) -> None:
        self.found = found
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        real = MemoryConnector._write

        def write(connector: MemoryConnector, change: Change) -> Outcome:
            self.found.append(str(change.values.get("dn") or change.anchor))
            return real(connector, change)

        self._patch.setattr(MemoryConnector, "_write", write)

    def __exit__(self, *exc: object) -> None:
        self._patch.undo()


# --- a person moves


def test_a_person_is_renamed_and_moved_in_one_change_and_the_server_keeps_the_references(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.fill()
        land.hr.edit("1", name="Ada Augusta", unit="Board")
        plan = land.world.plan()
        assert the_change(plan, "ldap")["attributes"]["dn"]["to"] == "CN=Ada Augusta,OU=Board,DC=acme"
        land.world.apply()
        assert land.members() >= {"CN=Ada Augusta,OU=Board,DC=acme"}
        assert land.managers()["3"] == "CN=Ada Augusta,OU=Board,DC=acme"
        assert land.world.plan()["changes"] == []
        assert land.world.plan(full=True)["changes"] == []


def test_where_the_server_does_not_keep_references_they_are_written_anew(tmp_path: Path) -> None:
    with Land(tmp_path, keeps=False) as land:
        land.fill()
        land.hr.edit("1", name="Ada Augusta")
        land.world.run()
        new = "CN=Ada Augusta,OU=Sales,DC=acme"
        assert land.members() == {new, "CN=Bo\\, jr,OU=Sales,DC=acme", "CN=Cy,OU=Sales,DC=acme"}
        assert land.managers() == {"1": None, "2": new, "3": new}
        assert land.world.plan(full=True)["changes"] == []


LATER = "<known after apply>"
ADA = "CN=Ada,OU=Sales,DC=acme"


def mended(plan: dict[str, Any]) -> dict[str, Any]:
    """What a plan does to references, by the first part of the object's name."""
    return {
        str(c["name"]): c["attributes"].get("manager") or c["attributes"].get("member")
        for c in plan["changes"]
        if {"manager", "member"} & c["attributes"].keys()
    }


def test_references_that_the_server_does_not_keep_are_in_the_plan_of_the_rename(tmp_path: Path) -> None:
    with Land(tmp_path, keeps=False) as land:
        land.fill()
        land.hr.edit("1", name="Ada Augusta")
        plan = land.world.plan()
        later = {"from": ADA, "to": LATER}
        assert mended(plan) == {"Bo, jr": later, "Cy": later, "t": {"add": [LATER], "remove": [ADA]}}
        result = land.world.apply()
        assert result["errors"] == [] == result["stale"]
        new = "CN=Ada Augusta,OU=Sales,DC=acme"
        assert land.members() == {new, "CN=Bo\\, jr,OU=Sales,DC=acme", "CN=Cy,OU=Sales,DC=acme"}
        assert land.managers() == {"1": None, "2": new, "3": new}
        assert land.world.plan(full=True)["changes"] == []


def test_so_are_those_to_everything_below_a_renamed_container(tmp_path: Path) -> None:
    with Land(tmp_path, keeps=False) as land:
        land.fill()
        land.units.edit("u1", name="Verkauf")
        for number in "123":
            land.hr.edit(number, unit="Verkauf")
        land.hr.put("4", id="4", name="Di", unit="Verkauf", boss="1")
        plan = land.world.plan()
        assert mended(plan).keys() == {"Bo, jr", "Cy", "Di", "t"}
        result = land.world.apply()
        assert result["errors"] == [] == result["stale"]
        assert land.members() == {f"CN={name},OU=Verkauf,DC=acme" for name in ("Ada", "Bo\\, jr", "Cy")}
        assert set(land.managers().values()) == {None, "CN=Ada,OU=Verkauf,DC=acme"}
        assert land.world.plan(full=True)["changes"] == []


@pytest.mark.parametrize("members", ["[reference] large", "[reference]"])
def test_a_group_that_is_made_in_the_plan_of_a_rename_ends_with_the_new_name(tmp_path: Path, members: str) -> None:
    with Land(tmp_path, keeps=False, members=members) as land:
        land.fill()
        land.hr.edit("1", name="Ada Augusta")
        land.teams.put("new", id="new")
        land.teams.edges("new", "member", ["1", "2"])
        land.world.plan()
        result = land.world.apply()
        assert result["errors"] == [] == result["stale"]
        both = {"CN=Ada Augusta,OU=Sales,DC=acme", "CN=Bo\\, jr,OU=Sales,DC=acme"}
        assert (land.members("new"), land.members()) == (both, both | {"CN=Cy,OU=Sales,DC=acme"})
        assert land.world.plan(full=True)["changes"] == []


@pytest.mark.parametrize("members", ["[reference] large", "[reference]"])
def test_whoever_is_not_renamed_after_all_keeps_those_who_refer_to_them(tmp_path: Path, members: str) -> None:
    with Land(tmp_path, keeps=False, members=members) as land:
        land.fill()
        before = (land.members(), land.managers())
        land.hr.edit("1", name="Ada Augusta")
        assert len(mended(land.world.plan())) == 3
        land.directory.faults.reject.add(land.anchor("Ada"))
        land.world.apply()
        assert (land.members(), land.managers()) == before
        land.directory.faults.reject.clear()
        land.hr.edit("1", name="Ada")
        assert land.world.plan()["changes"] == []
        assert (land.members(), land.managers()) == before


def team_of_51(land: Land) -> list[str]:
    """Their numbers. Eleven of fifty-one are more than the 20 per cent that may be lost; ten are not."""
    land.world.write("muster.yaml", "project: test\nstore: sqlite:///.muster/state.db\nsafety: {updates: 100}\n")
    land.units.put("u1", id="u1", name="Sales")
    everybody = [f"{number}" for number in range(100, 151)]
    for number in everybody:
        land.hr.put(number, id=number, name=f"N{number}", unit="Sales")
    land.teams.put("t", id="t")
    land.teams.edges("t", "member", everybody)
    land.world.run()
    assert len(land.members()) == 51
    return everybody


@pytest.mark.parametrize("members", ["[reference] large", "[reference]"])
def test_who_is_renamed_is_no_lost_member(tmp_path: Path, members: str) -> None:
    with Land(tmp_path, keeps=False, members=members) as land:
        everybody = team_of_51(land)
        for number in everybody[:20]:
            land.hr.edit(number, name=f"M{number}")
        land.teams.edges("t", "member", remove=everybody[41:])
        assert land.world.plan()["held"] == []
        land.world.apply()
        land.teams.edges("t", "member", remove=[everybody[40]])
        assert [one["kind"] for one in land.world.run()["held"]] == ["members"], "one more is one too many"
        assert len(land.members()) == 41


def test_nor_is_who_was_renamed_by_another_hand(tmp_path: Path) -> None:
    with Land(tmp_path, keeps=False) as land:
        everybody = team_of_51(land)
        for number in everybody[:20]:
            land.rename("person", f"N{number}", f"CN=M{number},OU=Sales,DC=acme")
            land.hr.edit(number, name=f"M{number}")
        land.teams.edges("t", "member", remove=everybody[41:])
        assert land.world.run()["held"] == []
        assert len(land.members()) == 41


@pytest.mark.parametrize("keeps", [True, False])
def test_a_rename_by_another_hand_is_undone_and_nobody_loses_a_membership(tmp_path: Path, keeps: bool) -> None:
    with Land(tmp_path, keeps=keeps) as land:
        land.fill()
        before = (land.members(), land.managers())
        land.rename("person", "Ada", "CN=Somebody,OU=Sales,DC=acme")
        land.world.run()
        land.world.run()
        assert (land.members(), land.managers()) == before
        assert land.world.plan(full=True)["changes"] == []


def test_a_name_that_a_killed_run_left_somebody_under_is_no_drift(tmp_path: Path) -> None:
    """Two people were to take each other's names; what another hand changed besides is told as ever."""
    with Land(tmp_path) as land:
        flows = "    cn: '[displayName]'\n    mail: '[displayName] & \"@x\"'\n"
        land.world.mapping("ldap-person", "ldap", "person", LDAP_PERSON + flows)
        land.fill()
        anchor = land.anchor("Cy")
        land.people.edit(anchor, dn=f"CN=muster-{anchor},OU=Sales,DC=acme", cn=[f"muster-{anchor}"], mail="other@x")
        plan = land.world.plan()
        drift = {name: "drift" in one for name, one in the_change(plan, "ldap")["attributes"].items()}
        assert drift == {"dn": False, "cn": False, "mail": True}
        (note,) = plan["notes"]
        assert (note["kind"], note["anchor"]) == ("unfinished", anchor)
        land.world.run()
        after = land.world.plan()
        assert (after["changes"], after["notes"]) == ([], [])


@pytest.mark.parametrize(
    ("value", "aside"),
    [
        ("muster-a1", True),
        ("cn=Muster-A1,ou=people,dc=acme", True),
        ("muster-a1@acme.example", True),
        ("muster-a12", False),
        ("cn=Ada,ou=muster-a1,dc=acme", False),
        (None, False),
    ],
)
def test_such_a_name_is_known_by_the_anchor(value: str | None, aside: bool) -> None:
    assert stands_aside(value, "a1") is aside


# --- a container is renamed


@pytest.mark.parametrize("full", [False, True])
def test_a_container_renamed_by_another_hand_takes_what_it_holds_with_it(tmp_path: Path, full: bool) -> None:
    with Land(tmp_path, read_dn=True) as land:
        land.fill()
        land.rename("unit", "Sales", "OU=Verkauf,DC=acme")
        land.units.edit("u1", name="Verkauf")
        for number in "123":
            land.hr.edit(number, unit="Verkauf")
        plan = land.world.plan(full=full)
        assert plan["changes"] == []
        assert land.world.identity("2")["onPremisesDistinguishedName"] == "CN=Bo\\, jr,OU=Verkauf,DC=acme"
        land.hr.put("4", id="4", name="Di", unit="Verkauf", boss="1")
        land.teams.edges("t", "member", ["4"])
        land.world.run()
        assert land.managers()["4"] == "CN=Ada,OU=Verkauf,DC=acme"
        assert "CN=Di,OU=Verkauf,DC=acme" in land.members()


def test_a_renamed_container_is_one_change_whatever_it_holds(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.fill()
        land.units.edit("u1", name="Verkauf")
        for number in "123":
            land.hr.edit(number, unit="Verkauf")
        plan = land.world.plan()
        assert [(c["object_type"], c["action"]) for c in plan["changes"]] == [("unit", "update")]
        land.world.apply()
        assert land.names() == {f"CN={name},OU=Verkauf,DC=acme" for name in ("Ada", "Bo\\, jr", "Cy")}
        assert land.world.plan()["changes"] == []
        assert land.world.plan(full=True)["changes"] == []
        assert land.managers()["3"] == "CN=Ada,OU=Verkauf,DC=acme"


def test_other_changes_below_a_renamed_container_stay_in_the_plan(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.fill()
        land.units.edit("u1", name="Verkauf")
        for number in "123":
            land.hr.edit(number, unit="Verkauf")
        land.hr.edit("3", boss="2")
        land.hr.edit("1", name="Ida")
        plan = land.world.plan()
        assert sorted((c["object_type"], *sorted(c["attributes"])) for c in plan["changes"]) == [
            ("person", "dn"),
            ("person", "manager"),
            ("unit", "dn"),
        ]
        land.world.apply()
        land.world.run()
        assert land.names() == {f"CN={name},OU=Verkauf,DC=acme" for name in ("Ida", "Bo\\, jr", "Cy")}
        assert land.managers()["3"] == "CN=Bo\\, jr,OU=Verkauf,DC=acme"


def test_what_a_container_holds_is_moved_by_itself_when_the_container_was_not_renamed_after_all(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.fill()
        land.units.edit("u1", name="Verkauf")
        for number in "123":
            land.hr.edit(number, unit="Verkauf")
        assert len(land.world.plan()["changes"]) == 1
        land.units.edit("u1", name="Sales")
        plan = land.world.plan()
        assert [c["object_type"] for c in plan["changes"]] == ["person"] * 3


def test_what_is_made_in_a_container_that_is_renamed_in_the_same_plan_finds_it(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.fill()
        land.units.edit("u1", name="Verkauf")
        for number in "123":
            land.hr.edit(number, unit="Verkauf")
        land.hr.put("4", id="4", name="Di", unit="Verkauf", boss="3")
        land.hr.edit("2", boss="3")
        order: list[str] = []
        with written(order):
            land.world.run()
        assert order[:2] == ["OU=Verkauf,DC=acme", "CN=Di,OU=Verkauf,DC=acme"]
        cy = "CN=Cy,OU=Verkauf,DC=acme"
        assert land.managers() == {"1": None, "2": cy, "3": "CN=Ada,OU=Verkauf,DC=acme", "4": cy}
        assert land.world.plan()["changes"] == []


def test_an_empty_container_is_renamed_before_its_first_object_is_made_in_it(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.fill()
        land.units.put("u2", id="u2", name="Empty")
        land.world.run()
        land.units.edit("u2", name="Lager")
        land.hr.put("4", id="4", name="Di", unit="Lager")
        land.hr.edit("3", unit="Lager")
        order: list[str] = []
        with written(order):
            result = land.world.run()
        assert result["errors"] == []
        assert order == ["OU=Lager,DC=acme", "CN=Di,OU=Lager,DC=acme", "CN=Cy,OU=Lager,DC=acme"]
        assert land.world.plan(full=True)["changes"] == []


def test_a_container_goes_below_one_that_is_made_in_the_same_plan(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.fill()
        place = 'Join("", "OU=", [description], IIF(IsPresent([city]), Join("", ",OU=", [city]), ""), ",DC=acme")'
        flows = "flows: {displayName: '[id]', description: '[name]', city: '[above]'}"
        land.world.write("metaverse.yaml", "org-unit: {attributes: {city: text}}")
        land.world.mapping("units-unit", "units", "unit", UNIT.replace(
            "flows: {displayName: '[id]', description: '[name]'}", flows
        ))  # fmt: skip
        land.world.mapping("ldap-unit", "ldap", "unit", LDAP_UNIT.replace(
            "'Join(\"\", \"OU=\", EscapeDN([description]), \",DC=acme\")'", f"'{place}'"
        ))  # fmt: skip
        land.world.run()
        for number in "123":
            land.hr.edit(number, unit="Sales,OU=Emea")
        land.units.put("u2", id="u2", name="Emea")
        land.units.edit("u1", above="Emea")
        order: list[str] = []
        with written(order):
            result = land.world.run()
        assert result["errors"] == []
        assert order[:2] == ["OU=Emea,DC=acme", "OU=Sales,OU=Emea,DC=acme"]


def test_a_member_who_joins_a_group_and_is_renamed_in_one_plan_joins_under_the_new_name(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.fill()
        land.hr.put("4", id="4", name="Di", unit="Sales")
        land.world.run()
        land.hr.edit("4", name="Dido")
        land.teams.edges("t", "member", ["4"])
        land.world.run()
        assert "CN=Dido,OU=Sales,DC=acme" in land.members()
        assert "CN=Di,OU=Sales,DC=acme" not in land.members()
        assert land.world.plan(full=True)["changes"] == []


def test_what_lies_deep_below_a_renamed_container_follows_too(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.units.put("u1", id="u1", name="Sales")
        land.world.run()
        land.directory.put("unit", "x1", {"id": "x1", "dn": "OU=Inner\\, deep,OU=Sales,DC=acme", "code": "x1"})
        land.directory.put(
            "person", "x2", {"id": "x2", "dn": "cn=Deep,OU=Inner\\, deep,OU=sales,DC=acme", "number": "9"}
        )
        land.hr.put("9", id="9", name="Deep", unit="elsewhere")
        land.world.mapping("ldap-person", "ldap", "person", LDAP_PERSON.replace("    dn: ", "    room: ").replace(
            "outbound:", "inbound: {precedence: 50, flows: {onPremisesDistinguishedName: '[dn]'}}\noutbound:"
        ))  # fmt: skip
        land.world.run()
        land.rename("unit", "Sales", "OU=Verkauf,DC=acme")
        land.units.edit("u1", name="Verkauf")
        land.world.run()
        assert land.world.identity("9")["onPremisesDistinguishedName"] == "cn=Deep,OU=Inner\\, deep,OU=Verkauf,DC=acme"


def test_renaming_two_people_into_each_others_names_mixes_up_nobody(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.fill()
        land.world.mapping("ldap-person", "ldap", "person", LDAP_PERSON.replace("    dn: ", "    room: "))
        land.teams.edges("t", "member", remove=["3"])
        land.world.run()
        land.world.run()
        a, b = land.anchor("Ada"), land.anchor("Cy")
        land.rename("person", "Ada", "CN=Nobody,OU=Sales,DC=acme")
        land.rename("person", "Cy", "CN=Ada,OU=Sales,DC=acme")
        land.rename("person", "Nobody", "CN=Cy,OU=Sales,DC=acme")
        assert (land.anchor("Ada"), land.anchor("Cy")) == (b, a)
        assert changed(land.world.plan()) == []
        assert changed(land.world.plan(full=True)) == []
        land.teams.edges("t", "member", remove=["1"])
        land.world.run()
        assert land.members() == {"CN=Bo\\, jr,OU=Sales,DC=acme"}


# --- the deciding function

PART = st.sampled_from(["ou=a", "ou=b", "ou=c\\, d", "cn=e"])
NAMES = st.lists(PART, min_size=1, max_size=4).map(",".join)


@given(own=NAMES, old=NAMES, new=NAMES)
def test_what_lies_below_a_renamed_name_bears_the_new_one_and_keeps_its_own_part(own: str, old: str, new: str) -> None:
    assert carried(f"{own},{old}", {old: new}) in (f"{own},{new}", *nearer(own, old, new))
    assert carried(old, {}) is None


def nearer(own: str, old: str, new: str) -> list[str]:
    """The old name may stand more than once in one name: the part nearest to the object counts."""
    parts = dn.split(f"{own},{old}")
    return [",".join([*parts[:n], new]) for n in range(1, len(parts)) if ",".join(parts[n:]) == old]


# --- deleted by another hand


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("members", ["[reference] large", "[reference]"])
def test_who_is_deleted_by_another_hand_and_made_again_is_a_member_and_a_manager_again(
    tmp_path: Path, members: str, full: bool
) -> None:
    """A directory takes who is deleted out of groups, and a read of changes says nothing of the groups."""
    with Land(tmp_path, members=members) as land:
        land.fill()
        before = (land.members(), land.managers())
        land.people.remove(land.anchor("Ada"))
        assert land.members() != before[0]
        result = land.world.run(full=full)
        assert result["errors"] == []
        assert (land.members(), land.managers()) == before
        assert land.world.plan(full=True)["changes"] == []


READ_GROUP = """
identity: group
project: true
join: [{displayName: '[code]'}]
inbound: {precedence: 5, flows: {displayName: '[code]', members: {references: '[member]'}}}
"""
APP_ACCOUNT = """
identity: person
join: [{employeeId: '[id]'}]
outbound: {provision: '[active]', flows: {id: '[employeeId]'}}
"""
APP_GROUP = """
identity: group
join: [{displayName: '[id]'}]
outbound: {provision: 'true', flows: {id: '[displayName]', member: {references: '[members]'}}}
"""


def test_who_gets_the_name_of_somebody_whom_we_deleted_is_in_none_of_their_groups(tmp_path: Path) -> None:
    with Land(tmp_path) as land:
        land.world.mapping("ldap-group", "ldap", "group", READ_GROUP)
        app = land.world.system(
            "app", schema("account", "id", {}), schema("group", "id", {"member": "[reference] large"})
        )
        land.world.mapping("app-account", "app", "account", APP_ACCOUNT)
        land.world.mapping("app-group", "app", "group", APP_GROUP)
        land.fill()
        land.groups.put("x", dn="CN=x,OU=Groups,DC=acme", code="x")
        land.groups.edges("x", "member", [ADA, "CN=Cy,OU=Sales,DC=acme"])
        assert land.world.run()["errors"] == []
        groups = MemorySide(app, "group")
        assert groups.members("x", "member") == {"1", "3"}
        land.hr.remove("1")
        land.world.run(full=True)
        assert ADA not in land.names()
        land.hr.put("9", id="9", name="Ada", unit="Sales")
        land.world.run()
        assert ADA in land.names()
        assert groups.members("x", "member") == {"3"}
