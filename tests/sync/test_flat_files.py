"""Importing flat files, through the whole program: what is not complete deletes nobody, one bad row stops no other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.sync.readings import APP, FILE, HR, active, numbered
from tests.sync.world import MemorySide, World, changed, kinds

# --- flat files, through the whole program


HEADER = "id,name,mail\n"


def csv_world(world: World, content: str | bytes) -> MemorySide:
    write_file(world, content)
    world.write("systems/hr.yaml", FILE)
    world.mapping("hr-worker", "hr", "worker", HR)
    return world.target("app", "account", mapping=APP)


def write_file(world: World, content: str | bytes) -> None:
    path = world.folder / "data" / "hr.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def lines(numbers: Sequence[int]) -> str:
    return HEADER + "".join(f"{n:03},N{n},n{n}@acme.example\n" for n in numbers)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"", "data/hr.csv"),
        (b"id,name\n001,N1\n", "mail"),
        (b"id,name,mail\n001,N1,x\n002,N2\n", "data/hr.csv:3"),
        (b'id,name,mail\n001,"N1,x\n002,N2,y\n', "data/hr.csv:2"),
        (lines(range(15)).encode()[:-9] + b"\n004", "data/hr.csv:17"),
    ],
    ids=["no bytes", "lacking column", "wrong number of fields", "open quote", "cut off in a line"],
)
def test_a_file_that_is_not_complete_deletes_nobody_whatever_the_limits_and_says_where(
    world: World, broken: bytes, said: str
) -> None:
    world.write("muster.yaml", "project: test\nstore: sqlite:///.muster/state.db\nsafety: {percent: 100}\n")
    app = csv_world(world, lines(range(20)))
    world.run()
    before = app.all()
    write_file(world, broken)
    result = world.run(allow_deletes=True)
    assert len(result["errors"]) == 1
    assert said in result["errors"][0]["message"]
    assert changed(result) == []
    assert app.all() == before


def test_a_file_that_lost_its_last_line_ending_is_taken_for_cut_until_somebody_says_otherwise(world: World) -> None:
    app = csv_world(world, lines(range(20)))
    world.run()
    write_file(world, lines(range(20))[:-5])
    for _ in range(2):
        (error,) = world.run()["errors"]
        assert "the last line has no line ending. When the file was last read, it had one" in error["message"]
        assert app.values("u019")["mail"] == "n19@acme.example"
    assert world.run(full=True)["errors"] == []
    assert app.values("u019")["mail"] == "n19@acme.exa"
    write_file(world, lines(range(21))[:-1])
    assert world.run()["errors"] == []
    assert "u020" in app.all()


def test_a_file_of_only_its_header_is_complete_and_the_limits_decide(world: World) -> None:
    app = csv_world(world, lines(range(20)))
    world.run()
    write_file(world, HEADER)
    result = world.run()
    assert kinds(result["held"]) == ["shrunk"]
    assert result["errors"] == []
    assert len(active(app)) == 20
    assert kinds(world.run()["held"]) == ["shrunk"]
    world.run(allow_deletes=True)
    assert active(app) == set()


def test_a_file_of_only_its_header_says_of_a_small_system_that_nobody_is_there(world: World) -> None:
    app = csv_world(world, lines(range(3)))
    world.run()
    write_file(world, HEADER)
    assert world.run()["held"] == []
    assert active(app) == set()


def test_a_file_that_is_gone_deletes_nobody(world: World) -> None:
    app = csv_world(world, lines(range(3)))
    world.run()
    (world.folder / "data" / "hr.csv").unlink()
    result = world.run()
    assert kinds(result["errors"]) == ["unreachable"]
    assert len(active(app)) == 3


BOOK = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  provision: 'true'
  deprovision: delete
  flows:
    login: 'Join("", "u", [employeeId])'
    emp: '[employeeId]'
    name: '[displayName]'
"""


def book_world(world: World, count: int) -> Path:
    """HR in memory and a phone book that Muster makes; its path."""
    world.source("hr", "worker", rows=numbered(count), mapping=HR)
    settings = "connector: flatfile\nsettings: {path: book.jsonl, create: true}\nobjects: {entry: {anchor: login}}\n"
    world.write("systems/book.yaml", settings)
    world.mapping("book-entry", "book", "entry", BOOK)
    return world.folder / "book.jsonl"


def test_a_file_put_back_as_it_was_before_the_last_write_has_lost_that_write(world: World) -> None:
    book = book_world(world, 4)
    world.run()
    world.run()
    backup = book.read_bytes()
    world.mapping("book-entry", "book", "entry", BOOK.replace("'[displayName]'", "'ToLower([displayName])'"))
    world.run()
    written = book.read_bytes()
    assert written != backup
    book.write_bytes(backup)
    assert len(changed(world.run())) == 4
    assert book.read_bytes() == written


@pytest.mark.parametrize(("count", "held"), [(4, []), (5, ["shrunk"])])
def test_a_file_that_muster_made_and_that_is_gone_is_not_taken_for_unchanged(
    world: World, count: int, held: list[str]
) -> None:
    book = book_world(world, count)
    world.run()
    written = book.read_bytes()
    book.unlink()
    assert kinds(world.run()["held"]) == held
    world.run(allow_deletes=True)
    assert book.read_bytes() == written


# --- one bad object never stops the others


def test_a_byte_that_cannot_be_decoded_costs_only_its_own_row(world: World) -> None:
    app = csv_world(world, lines(range(20)))
    world.run()
    content = lines(range(21)).replace("N5,", "N5\udc9f,").replace("N6,", "New,").encode(errors="surrogateescape")
    write_file(world, content)
    result = world.run()
    assert kinds(result["errors"]) == ["read"]
    assert "data/hr.csv:7" in result["errors"][0]["message"]
    assert sorted(changed(result)) == [("app", "create", "u020"), ("app", "update", "u006")]
    assert app.values("u005")["name"] == "N5"
    assert app.values("u005")["enabled"] is True


def test_an_anchor_on_two_lines_is_read_from_neither_and_deleted_by_neither(world: World) -> None:
    app = csv_world(world, lines(range(20)))
    world.run()
    write_file(world, lines(range(21)) + "005,Somebody else,x@acme.example\n")
    result = world.run()
    (error,) = result["errors"]
    assert error["anchor"] == "005"
    assert "hr: data/hr.csv:7: worker 005: id '005' stands on the lines 7, 23; none of them is read" in error["message"]
    assert changed(result) == [("app", "create", "u020")]
    assert app.values("u005")["name"] == "N5"


def test_an_anchor_written_over_somebody_elses_takes_nobody_for_gone(world: World) -> None:
    app = csv_world(world, lines(range(20)))
    world.run()
    write_file(world, lines(range(21)).replace("006,N6", "005,N6"))
    result = world.run()
    assert [error["anchor"] for error in result["errors"]] == ["005"]
    assert changed(result) == [("app", "create", "u020")]
    assert len(active(app)) == 21


def test_a_nul_character_costs_only_its_own_row(world: World) -> None:
    app = csv_world(world, lines(range(20)))
    world.run()
    write_file(world, lines(range(21)).replace("N5,", "N\0,").replace("006,", "00\0,"))
    result = world.run()
    five, somebody = result["errors"]
    assert five["message"] == (
        "hr: data/hr.csv:7: worker 005: name holds a NUL character (U+0000) as character 2, which cannot be stored. "
        "Take it out where it comes from. Until that is mended, it stays as it was"
    )
    assert "hr: data/hr.csv:8: id holds a NUL character" in somebody["message"]
    assert "Until that is mended, no worker is taken for deleted" in somebody["message"]
    assert changed(result) == [("app", "create", "u020")]
    assert len(active(app)) == 21


def test_a_row_without_an_anchor_might_be_anybody_so_nobody_is_deleted(world: World) -> None:
    app = csv_world(world, lines(range(20)))
    world.run()
    write_file(world, lines(range(1, 20)) + ",Nobody,\n")
    result = world.run()
    assert kinds(result["errors"]) == ["read"]
    assert changed(result) == []
    assert len(active(app)) == 20


def test_after_the_row_is_mended_it_still_arrives(world: World) -> None:
    app = csv_world(world, lines(range(20)))
    world.run()
    write_file(world, lines(range(20)).replace("N5,", "N5\udc9f,").encode(errors="surrogateescape"))
    assert kinds(world.run()["errors"]) == ["read"]
    assert kinds(world.run()["errors"]) == ["read"]
    write_file(world, lines(range(20)).replace("N5,", "Mended,"))
    result = world.run()
    assert result["errors"] == []
    assert changed(result) == [("app", "update", "u005")]
    assert app.values("u005")["name"] == "Mended"


def test_an_empty_cell_is_null(world: World) -> None:
    app = csv_world(world, HEADER + "001,N1,\n")
    world.run()
    assert "mail" not in app.values("u001")


# --- LDIF: a file mends no reference by itself

PEOPLE = "id,name,boss\n1,Ida,\n2,Bo,1\n3,Cy,2\n4,Di,2\n"
TEAMS = '{"key": "it", "members": ["2", "4"]}\n'
LDIF_PERSON = """
identity: person
join: [{employeeId: '[employeeNumber]'}]
outbound:
  provision: '[active]'
  deprovision: delete
  flows:
    dn: 'Join("", "cn=", EscapeDN([displayName]), ",dc=acme")'
    employeeNumber: '[employeeId]'
    manager: {reference: '[manager]'}
"""
LDIF_GROUP = """
identity: group
join: [{displayName: '[cn]'}]
outbound:
  provision: 'true'
  deprovision: delete
  flows:
    dn: 'Join("", "cn=", [displayName], ",ou=groups,dc=acme")'
    cn: '[displayName]'
    member: {references: '[members]'}
"""
PERSON = """
identity: person
project: true
inbound:
  precedence: 10
  flows: {employeeId: '[id]', displayName: '[name]', active: 'true', manager: {reference: '[boss]', to: worker}}
"""
TEAM = """
identity: group
project: true
inbound:
  precedence: 10
  flows: {displayName: '[key]', members: {references: '[members]', to: person.employeeId}}
"""
DECLARED = ", columns: {manager: reference}"


def ldif_world(world: World, declared: str) -> None:
    write_file(world, PEOPLE)
    (world.folder / "data/teams.jsonl").write_text(TEAMS)
    world.write("systems/hr.yaml", FILE)
    world.write(
        "systems/teams.yaml",
        "connector: flatfile\nsettings: {path: data/teams.jsonl}\n"
        "objects: {team: {anchor: key, columns: {members: [text]}}}\n",
    )
    world.write(
        "systems/dir.yaml",
        "connector: flatfile\nsettings: {path: data/dir.ldif, create: true}\nobjects:\n"
        f"  person: {{anchor: employeeNumber, where: {{objectClass: person}}{declared}}}\n"
        f"  group: {{anchor: cn, where: {{objectClass: groupOfNames}}, columns: {{member: [reference]}}}}\n",
    )
    world.mapping("hr-worker", "hr", "worker", PERSON)
    world.mapping("teams-team", "teams", "team", TEAM)
    world.mapping("dir-person", "dir", "person", LDIF_PERSON)
    world.mapping("dir-group", "dir", "group", LDIF_GROUP)


def ldif(world: World) -> dict[str, dict[str, list[str]]]:
    """What the file holds: entries by number or group name, their values by attribute."""
    found: dict[str, dict[str, list[str]]] = {}
    for block in (world.folder / "data/dir.ldif").read_text().split("\n\n"):
        entry: dict[str, list[str]] = {}
        for name, value in (line.split(": ", 1) for line in block.splitlines() if not line.startswith("version")):
            entry.setdefault(name, []).append(value)
        if entry:
            found[entry.get("employeeNumber", entry.get("cn", [""]))[0]] = entry
    return found


@pytest.mark.parametrize("declared", ["", DECLARED], ids=["text", "reference"])
@pytest.mark.parametrize(
    "after",
    [PEOPLE.replace("2,Bo", "2,Bob"), PEOPLE.replace("2,Bo", "2,Cy").replace("3,Cy", "3,Bo")],
    ids=["one renamed", "two swap names"],
)
def test_in_ldif_whoever_refers_to_a_renamed_entry_follows_in_the_same_run(
    world: World, after: str, declared: str
) -> None:
    world.write("muster.yaml", "project: test\nstore: sqlite:///.muster/state.db\nsafety: {percent: 100}\n")
    ldif_world(world, declared)
    assert world.run()["errors"] == []
    write_file(world, after)
    plan = world.plan()
    assert {c["anchor"] for c in plan["changes"]} >= {"2", "3", "4", "it"}
    result = world.apply()
    assert (result["errors"], result["stale"]) == ([], [])
    entries = ldif(world)
    names = {number: entry["dn"][0] for number, entry in entries.items()}
    assert {n: entries[n]["manager"] for n in "234"} == {"2": [names["1"]], "3": [names["2"]], "4": [names["2"]]}
    assert set(entries["it"]["member"]) == {names["2"], names["4"]}
    assert changed(world.plan(full=True)) == []


def test_in_ldif_two_groups_whose_names_differ_in_case_are_a_clash(world: World) -> None:
    ldif_world(world, "")
    (world.folder / "data/teams.jsonl").write_text(TEAMS + TEAMS.replace('"it"', '"IT"'))
    for _ in range(2):
        result = world.run()
        assert result["errors"] == []
        (clash,) = result["held"]
        assert clash["kind"] == "clash"
        assert "=it,ou=groups,dc=acme belongs to " in clash["message"].lower()
        assert "(teams/team IT, " in clash["message"]
        assert "(teams/team it, " in clash["message"]
        assert len({"it", "IT"} & ldif(world).keys()) == 1
