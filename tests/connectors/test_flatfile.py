"""Flat files: what is broken is never taken for complete, what is whole is read fast, what is written is kept."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from typing import Any, ClassVar

import pytest

from muster.connectors.flatfile import FlatFileConnector
from muster.connectors.flatfile.settings import FlatFileObject, FlatFileSettings
from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.subject import Subject
from muster.model.changes import Action, Change, Result
from muster.model.errors import IncompleteRead, ProjectError, Unreachable, WatermarkExpired
from muster.model.values import Document
from tests.connectors.files import connector, create, objects, pages, problems, update, write
from tests.connectors.sessions import keep

# --- the conformance kit, on each format


class FileSubject(Subject):
    connector: ClassVar[type[Connector]] = FlatFileConnector
    object_type = "worker"
    text = "name"
    clearable = "title"
    many: str | None = "roles"

    def __init__(self, folder: Path, name: str, empty: str, settings: dict[str, Any], columns: dict[str, Any]) -> None:
        self.path = folder / name
        self.empty = empty
        self.settings = {"path": name, **settings}
        self.columns = columns
        self.reset()

    def open(self) -> Connector:
        return self._open(self.settings)

    def reset(self) -> None:
        self.path.write_text(self.empty)

    def sample(self, n: int) -> Document:
        return {
            "id": f"W{n}",
            "name": f"Wörker {n}",
            "title": "Engineer",
            "age": 30 + n,
            "born": "1990-01-31",
            "boss": True,
            "roles": [f"role{n}", "all"],
            "enabled": True,
        }

    def refused(self, n: int) -> Document | None:
        return {**self.sample(n), "age": "old"}

    def unreachable(self) -> Connector | None:
        return self._open({**self.settings, "path": f"no-such-folder/{self.path.name}"})

    def expired(self) -> str | None:
        since = self.pages()[-1].watermark
        self.add(99)
        return since

    def broken_read(self) -> Connector | None:
        self.path.write_text(self.empty + "\x00broken")
        return self.open().__enter__()

    def _open(self, settings: dict[str, Any]) -> Connector:
        spec = FlatFileObject.model_validate({"anchor": "id", "columns": self.columns, "enabled": self.switch})
        return FlatFileConnector("hr", FlatFileSettings.model_validate(settings), {"worker": spec}, self.path.parent)

    switch: ClassVar[dict[str, Any]] = {"column": "state", "on": ["active", "leave"], "off": "gone"}


class LdifSubject(FileSubject):
    def sample(self, n: int) -> Document:
        return {"dn": f"cn=Wörker {n},dc=acme", **super().sample(n)}

    def renamed(self, n: int) -> Document | None:
        return {"dn": f"cn=Renamed {n},dc=acme"}


TYPES = {"age": "integer", "born": "date", "boss": "boolean", "roles": ["text"]}
HEADING = "id,name,title,age,born,boss,roles,state\n"


@pytest.fixture(params=["csv", "tsv", "jsonl", "fixed", "ldif"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    if request.param == "csv":
        return FileSubject(tmp_path, "w.csv", HEADING, {}, TYPES)
    if request.param == "tsv":
        return FileSubject(tmp_path, "w.tsv", HEADING.replace(",", "\t"), {"list_separator": ";"}, TYPES)
    if request.param == "jsonl":
        return FileSubject(tmp_path, "w.jsonl", "\n", {}, TYPES)
    if request.param == "ldif":
        return LdifSubject(tmp_path, "w.ldif", "version: 1\n", {}, TYPES)
    widths = {"id": 6, "name": 30, "title": 12, "age": 3, "born": 10, "boss": 5, "roles": 40, "state": 8}
    return FileSubject(tmp_path, "w.txt", "\n", {"format": "fixed", "columns": widths}, TYPES)


LACKS = {
    "it has no secret",
    "it does not set passwords",
    "it does not find objects",
    "it does not read single changes",
    "its objects have no other name",
    "it has no large reference",
}
"""Why some checks of the kit do not apply here. Any other reason is a check that got lost."""


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_keeps_the_promise(check: Check, subject: Subject) -> None:
    keep(check, subject, LACKS)


# --- what is special to files


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"w\.csv: the file has no bytes"),
        (b"id,name\nA1,Ann\nA2,Bob,x\nA3,Cy\n", r"w\.csv:3: the line has 3 fields, expected 2"),
        (b"id,name\nA1,Ann\nA2", r"w\.csv:3: the line has 1 field, expected 2"),
        (b'id,name\nA1,Ann\nA2,"Bob\nA3,Cy\n', r"w\.csv:3: a quote is opened and not closed"),
        (b'id,name\nA1,"Ann"x\n', r"w\.csv:2: the quotes do not fit"),
        (b"ID,name\nA1,Ann\n", r"w\.csv:1: there is no column 'id'\. Did you mean 'ID'"),
        (b"id,naem\nA1,Ann\n", r"w\.csv:1: there is no column 'name'\. Did you mean 'naem'"),
        (b"id,name,name\nA1,Ann,x\n", r"w\.csv:1: there are 2 columns 'name'.*Rename all but one of them"),
        (b"id;name\nA1;Ann\n", r"no column 'id'\. The heading is one column that holds ';': is it `delimiter: \";\"`"),
        (b"id,na\xefme,name\nA1,x,Ann\n", r"w\.csv:1: the name of column 2 holds the byte 0xef as character 3"),
        (b"\n\n", r"w\.csv:1: there is no heading"),
    ],
)
def test_a_broken_file_is_not_complete_and_the_line_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "w.csv").write_bytes(content)
    with pytest.raises(IncompleteRead, match=said):
        pages(connector(tmp_path), "id", "name")


def test_a_declared_column_that_lacks_is_told_even_when_nobody_wants_it(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("id\nA1\n")
    with pytest.raises(IncompleteRead, match="no column 'born'"):
        pages(connector(tmp_path, columns={"born": "date"}), "id")


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"w\.csv: there is no such file .looked for /.*create: true"):
        pages(connector(tmp_path), "id")


def test_a_file_of_only_its_heading_is_complete_and_empty(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("id,name")
    (last,) = pages(connector(tmp_path))
    assert last.complete_for == {("worker", "")}
    assert last.objects == []


def test_quoted_line_breaks_mixed_endings_nul_and_a_mark_are_fine_and_lines_are_numbered_right(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_bytes(
        b'\xef\xbb\xbfid,name\r\nA1,"Ann\nof the\r\nhill"\nA2,\r\n\nA3,"say ""hi"", Bob\x00"'
    )
    found = {item.anchor: (item.values.get("name"), item.where) for item in objects(connector(tmp_path))}
    assert found == {
        "A1": ("Ann\nof the\r\nhill", "w.csv:2"),
        "A2": (None, "w.csv:5"),
        "A3": ('say "hi", Bob\x00', "w.csv:7"),
    }


def test_an_anchor_that_stands_twice_is_one_problem_that_names_all_lines(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("id,name\nA1,Ann\nA2,Bob\nA1,Ann\n")
    made = connector(tmp_path)
    assert [item.anchor for item in objects(made)] == ["A2"]
    (told,) = problems(made)
    assert (told.anchor, told.where) == ("A1", "w.csv:2")
    assert "id 'A1' stands on the lines 2, 4; none of them is read" in told.message
    assert pages(made)[-1].complete_for == {("worker", "")}, "the same line twice hides nobody"


def test_an_anchor_on_two_different_lines_may_be_somebody_elses_so_nobody_is_taken_for_deleted(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("id,name\nA1,Ann\nA2,Bob\nA1,Cy\n")
    made = connector(tmp_path)
    assert [item.anchor for item in objects(made)] == ["A2"]
    assert "One of them may be somebody else's, so no worker is taken for deleted" in problems(made)[0].message
    assert pages(made)[-1].complete_for == frozenset()


def test_a_value_of_the_wrong_type_is_a_problem_and_the_others_go_through(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("id,born\nA1,1990-01-31\nA2,31.01.1990\nA3,\n")
    made = connector(tmp_path, columns={"born": "date"})
    assert [(item.anchor, item.values.get("born")) for item in objects(made)] == [("A1", "1990-01-31"), ("A3", None)]
    (told,) = problems(made)
    assert told.anchor == "A2"
    assert told.where == "w.csv:3"
    assert told.message == "born: expected a date such as 2026-01-31, found '31.01.1990'. Correct it there."


def test_a_line_without_an_anchor_is_a_problem_and_nobody_is_taken_for_deleted(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("id,name\nA1,Ann\n,Bob\n")
    read = pages(connector(tmp_path))
    assert read[-1].complete_for == frozenset()
    assert [item.anchor for page in read for item in page.objects] == ["A1"]
    (told,) = problems(connector(tmp_path))
    assert (told.anchor, told.where) == (None, "w.csv:3")
    assert told.message == "id, which names the object, is empty. Correct it there."


def test_an_undecodable_byte_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_bytes("id,name\nA1,Ann\nA2,J\xf6rg\n".encode("latin-1"))
    made = connector(tmp_path)
    assert [item.anchor for item in objects(made)] == ["A1"]
    (told,) = problems(made)
    assert told.anchor == "A2"
    assert told.where == "w.csv:3"
    assert "name holds the byte 0xf6 as character 2, which is no utf-8" in told.message
    assert "name it in systems/hr.yaml, such as `encoding: cp1252`" in told.message
    assert pages(made)[-1].complete_for == {("worker", "")}
    latin = connector(tmp_path, settings={"encoding": "latin-1"})
    assert [item.values["name"] for item in objects(latin)] == ["Ann", "Jörg"]


def test_an_undecodable_anchor_leaves_the_read_incomplete(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_bytes(b"id,name\nA\xf6,Ann\nA2,Bob\n")
    read = pages(connector(tmp_path))
    assert read[-1].complete_for == frozenset()
    assert [problem.anchor for page in read for problem in page.problems] == [None]


def test_a_file_that_is_written_while_it_is_read_is_not_complete(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("id,name\n" + "".join(f"A{n},Ann\n" for n in range(6_000)))
    with connector(tmp_path) as made:
        read = made.read({"worker": ["name"]}, None)
        next(read)
        path.write_text("id,name\nA1,Ann\n")
        with pytest.raises(IncompleteRead, match=r"written while it was read\. Run again"):
            list(read)


def test_the_same_content_has_no_changes_and_other_content_expires_the_watermark(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("id,name\nA1,Ann\n")
    made = connector(tmp_path)
    since = pages(made)[-1].watermark
    os.utime(path, (1, 1))
    (page,) = pages(made, "name", since=since)
    assert (page.objects, page.watermark, page.last, page.complete_for) == ([], since, True, frozenset())
    path.write_text("id,name\nA1,Anna\n")
    with pytest.raises(WatermarkExpired):
        pages(made, "name", since=since)


def test_several_object_types_share_a_file_by_a_column(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text("kind,id,name\nperson,1,Ann\ngroup,1,Staff\nguest,2,Bob\n")
    people = FlatFileObject.model_validate({"anchor": "id", "where": {"kind": ["person", "guest"]}})
    groups = FlatFileObject.model_validate({"anchor": "id", "where": {"kind": "group"}})
    settings = FlatFileSettings(path="all.csv")
    with FlatFileConnector("hr", settings, {"person": people, "group": groups}, tmp_path) as made:
        read = [item for page in made.read({"person": ["name"], "group": ["name"]}, None) for item in page.objects]
        assert [(item.type, item.anchor) for item in read] == [("person", "1"), ("person", "2"), ("group", "1")]
        changes = [
            Change(1, "group", Action.CREATE, "9", {"name": "New"}),
            Change(2, "person", Action.DELETE, "1"),
        ]
        assert {one.result for one in made.write(changes)} == {Result.DONE}
    assert (tmp_path / "all.csv").read_text() == "kind,id,name\ngroup,1,Staff\nguest,2,Bob\ngroup,9,New\n"


def test_writing_keeps_what_it_does_not_touch(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_bytes(b'\xef\xbb\xbfid;note;name\r\nA1;"kept ""as"" is";Ann\r\nA2;;Bob\r\nA3;"x";Cy')
    path.chmod(0o640)
    made = connector(tmp_path, settings={"delimiter": ";"})
    outcomes = write(made, update(1, "A2", name="Bo;b"), Change(2, "worker", Action.DELETE, "A1"), create(3, id="A4"))
    assert {outcome.result for outcome in outcomes} == {Result.DONE}
    assert path.read_bytes() == b'\xef\xbb\xbfid;note;name\r\nA2;;"Bo;b"\r\nA3;"x";Cy\r\nA4;;\r\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [item.name for item in tmp_path.iterdir()] == ["w.csv"], "nothing else is left in the folder"


def test_a_file_that_nothing_changes_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("id,name\nA1,Ann\n")
    before = path.stat()
    outcomes = write(connector(tmp_path), create(1, id="A1"), update(2, "A9", name="x"), update(3, "A1", nmae="x"))
    assert [outcome.result for outcome in outcomes] == [Result.EXISTS, Result.REJECTED, Result.GONE]
    assert "no column 'nmae'. Did you mean 'name'" in outcomes[1].reason
    assert path.stat().st_ino == before.st_ino


def test_a_file_that_does_not_exist_is_made_with_the_columns_it_is_told(tmp_path: Path) -> None:
    told = connector(tmp_path, "told.csv", {"columns": ["id", "name", "mail"]})
    write(told, create(1, id="A1", name="Ann"))
    assert (tmp_path / "told.csv").read_text() == "id,name,mail\nA1,Ann,\n"
    guessed = connector(tmp_path, "guessed.csv", {"create": True}, enabled="active")
    (page,) = pages(guessed, "id")
    assert page.complete_for == {("worker", "")}, "with create, a file that is yet to be made is empty"
    write(guessed, create(1, id="A1", mail="a@b"), create(2, id="A2", name="Bob"))
    assert (tmp_path / "guessed.csv").read_text() == "id,active,mail,name\nA1,true,a@b,\nA2,true,,Bob\n"


def test_changes_of_one_object_take_effect_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("id,name\n")
    outcomes = write(
        connector(tmp_path),
        create(1, id="A1", name="Ann"),
        update(2, "A1", name="Anna"),
        create(3, id="A1"),
        Change(4, "worker", Action.DELETE, "A1"),
        update(5, "A1", name="ghost"),
    )
    assert [outcome.result.value for outcome in outcomes] == ["done", "done", "exists", "done", "gone"]
    assert (tmp_path / "w.csv").read_text() == "id,name\n"


def test_what_cannot_be_written_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_bytes(b"A1  Ann\n")
    settings = {"format": "fixed", "columns": {"id": 4, "name": 5}, "encoding": "latin-1"}
    made = connector(tmp_path, "w.txt", settings)
    long, foreign = write(made, update(1, "A1", name="Annabel"), update(2, "A1", name="Łuc"))
    assert (long.result, foreign.result) == (Result.REJECTED, Result.REJECTED)
    assert long.reason == "name has 7 characters; the column holds 5"
    assert "'Ł' cannot be written in iso8859-1" in foreign.reason


def test_a_second_writer_waits(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("id,name\nA1,Ann\n")
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    (outcome,) = write(connector(tmp_path), update(1, "A1", name="x"))
    os.close(held)
    assert (outcome.result, outcome.after) == (Result.RETRY, 1.0)
    assert "another process" in outcome.reason
    (outcome,) = write(connector(tmp_path), update(1, "A1", name="x"))
    assert outcome.result is Result.DONE


def test_an_ambiguous_line_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("id,name\nA1,Ann\nA1,Anna\n")
    (outcome,) = write(connector(tmp_path), Change(1, "worker", Action.DELETE, "A1"))
    assert outcome.result is Result.REJECTED
    assert path.read_text() == "id,name\nA1,Ann\nA1,Anna\n"


# --- the other formats


def test_ldif_is_read_as_rfc_2849_says_and_untouched_entries_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "w.ldif"
    first = (
        "version: 1\n# a comment\n#  that goes on\n  folded\n"
        "dn:: Y249SsO2cmcsZGM9YWNtZQ==\nobjectClass: top\nobjectClass: person\ncn:  Jörg\nUID: j1\n"
        "description: a long\n  line\njpegPhoto:: /9j/\n\n"
    )
    path.write_text(first + "dn: cn=Bob,dc=acme\nuid: b2\nobjectClass: person\n")
    made = connector(tmp_path, "w.ldif", anchor="uid", columns={"jpegPhoto": "binary"})
    schema_names = {"dn", "objectClass", "cn", "uid", "description", "jpegPhoto"}
    with made:
        schema = made.schema().types["worker"]
    assert set(schema.attributes) == schema_names
    assert schema.attributes["objectClass"].many
    assert (schema.naming, schema.name_is_dn) == ("dn", True)
    joerg, bob = objects(made)
    assert joerg.values == {
        "dn": "cn=Jörg,dc=acme",
        "objectClass": ["top", "person"],
        "cn": "Jörg",
        "uid": "j1",
        "description": "a long line",
        "jpegPhoto": "/9j/",
    }
    assert bob.where == "w.ldif:14"
    write(made, update(1, "b2", description=" leading", sn="x" * 90), create(2, uid="c3", dn="cn=C,dc=acme"))
    assert path.read_text() == (
        first + "dn: cn=Bob,dc=acme\nUID: b2\nobjectClass: person\ndescription:: IGxlYWRpbmc=\n"
        f"sn: {'x' * 72}\n {'x' * 18}\n\ndn: cn=C,dc=acme\nUID: c3\n\n"
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("w.ldif", "dn: cn=a\nchangetype: delete\n", "w.ldif:2: this file holds changes"),
        ("w.ldif", "dn: cn=a\nid:< file:///etc/passwd\n", "w.ldif:2: id refers to another file"),
        ("w.ldif", "dn: cn=a\nid\n", "w.ldif:2: expected `attribute: value`"),
        ("w.ldif", "cn: a\n", "w.ldif:1: an entry begins with 'cn', expected dn"),
        ("w.jsonl", '{"id": "1"}\n{"id": "2"\n', "w.jsonl:2: this is no JSON"),
        ("w.jsonl", "[1]\n", "w.jsonl:1: this is no JSON object"),
    ],
)
def test_broken_ldif_and_json_are_not_complete(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(IncompleteRead, match=said.replace(".", r"\.").replace("`", ".")):
        pages(connector(tmp_path, name), "id")


def test_json_lines_declare_their_types_by_their_values(tmp_path: Path) -> None:
    (tmp_path / "w.jsonl").write_text('{"id": "1", "age": 4, "on": true, "tags": ["a"]}\n{"id": "2", "age": 4.5}\n')
    made = connector(tmp_path, "w.jsonl")
    with made:
        schema = made.schema().types["worker"]
    assert {name: (str(a.type), a.many) for name, a in schema.attributes.items()} == {
        "id": ("text", False),
        "age": ("decimal", False),
        "on": ("boolean", False),
        "tags": ("text", True),
    }
    assert objects(made)[0].values == {"id": "1", "age": 4.0, "on": True, "tags": ["a"]}


def test_a_file_without_a_heading_has_the_columns_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("A1,Ann\n")
    made = connector(tmp_path, settings={"header": False, "columns": ["id", "name"]})
    assert objects(made)[0].values == {"id": "A1", "name": "Ann"}


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("w.xlsx", {}, "format of w.xlsx cannot be told from its suffix"),
        ("w.txt", {"format": "fixed"}, "fixed width needs the widths"),
        ("w.csv", {"header": False}, "needs `columns`"),
    ],
)
def test_settings_that_do_not_say_enough_are_refused(tmp_path: Path, name: str, settings: Any, said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        connector(tmp_path, name, settings)


def test_a_switch_in_the_files_own_words(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("id,state\nA1,active\nA2,gone\nA3,odd\n")
    made = connector(tmp_path, enabled={"column": "state", "on": "active", "off": "gone"})
    read = pages(made, "enabled", "state")
    assert [item.values["enabled"] for page in read for item in page.objects] == [True, False]
    assert "expected 'active' or 'gone', found 'odd'" in problems(made, "enabled")[0].message
    write(made, Change(1, "worker", Action.DISABLE, "A1", {"enabled": False}))
    assert path.read_text().startswith("id,state\nA1,gone\n")


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "w.csv"
    with path.open("w") as out:
        out.write("id,name,title,mail,dept,phone,city,boss\n")
        out.writelines(
            f"E{n},First Last{n},Engineer,user{n}@acme.example,Research,+4912345{n},Berlin,E{n // 10}\n"
            for n in range(60_000)
        )
    return path


def test_pages_are_bounded_and_every_line_comes_once(large: Path) -> None:
    read = pages(connector(large.parent))
    assert max(len(page.objects) for page in read) == 5_000
    assert len({item.anchor for page in read for item in page.objects}) == 60_000


def test_a_new_json_lines_file_has_no_empty_line_until_it_holds_nobody(tmp_path: Path) -> None:
    made = connector(tmp_path, "w.jsonl", {"create": True})
    path = tmp_path / "w.jsonl"
    write(made, create(1, id="A1", name="Ann"))
    assert path.read_text() == '{"id": "A1", "name": "Ann"}\n'
    write(made, Change(1, "worker", Action.DELETE, "A1"))
    assert path.read_text() == "\n", "never without a byte: that would be taken for a file cut off"
    assert pages(made)[-1].complete_for == {("worker", "")}
    write(made, create(1, id="A2"))
    assert path.read_text() == '{"id": "A2"}\n'
    write(made, Change(1, "worker", Action.DELETE, "A2"), create(2, id="A3"))
    assert path.read_text() == '{"id": "A3"}\n'
    write(made, Change(1, "worker", Action.DELETE, "A3"), create(2, name="nobody"))
    assert path.read_text() == "\n"


def test_a_new_ldif_file_spells_attributes_as_the_mapping_does(tmp_path: Path) -> None:
    made = connector(
        tmp_path, "w.ldif", {"create": True}, anchor="uid", enabled={"column": "employeeStatus", "on": "a", "off": "d"}
    )
    path = tmp_path / "w.ldif"
    write(made, create(1, uid="a1", dn="uid=a1,dc=acme", givenName="Ann", objectClass=["top", "person"]))
    text = path.read_text()
    assert "\ngivenName: Ann\n" in text
    assert "\nobjectClass: top\nobjectClass: person\n" in text
    assert "\nemployeeStatus: a\n" in text
    path.write_text(text.replace("givenName", "GIVENNAME"))
    write(made, Change(1, "worker", Action.UPDATE, "a1", {"givenName": "Bea"}))
    assert "\nGIVENNAME: Bea\n" in path.read_text(), "the file's own spelling goes before ours"


# --- the names of LDIF entries


ENTRIES = "version: 1\n\ndn: cn=A,dc=acme\nid: 1\n\ndn: cn=B,dc=acme\nid: 2\n\ndn: cn=C,dc=acme\nid: 3\n\n"


def names(path: Path) -> list[str]:
    return [line.removeprefix("dn: ") for line in path.read_text().splitlines() if line.startswith("dn: ")]


def renamed(key: int, anchor: str, name: str) -> Change:
    return Change(key, "worker", Action.UPDATE, anchor, {"dn": f"cn={name},dc=acme"})


def test_no_two_ldif_entries_get_one_name_as_names_are_compared(tmp_path: Path) -> None:
    path = tmp_path / "w.ldif"
    path.write_text(ENTRIES)
    made = connector(tmp_path, "w.ldif")
    new = write(made, create(1, id="4", dn="CN=a, DC=acme"), create(2, id="5", dn="cn=E,dc=acme"))
    assert [(one.result, one.anchor) for one in new] == [(Result.EXISTS, "1"), (Result.DONE, "5")]
    assert "is the name of worker 1" in new[0].reason
    twice = write(made, create(1, id="6", dn="cn=F,dc=acme"), create(2, id="7", dn="cn=f,dc=acme"))
    assert [(one.result, one.anchor) for one in twice] == [(Result.DONE, "6"), (Result.EXISTS, "6")]
    taken = write(made, renamed(1, "1", "b"), renamed(2, "2", "c"))
    assert [one.result for one in taken] == [Result.REJECTED, Result.REJECTED]
    assert names(path) == [f"cn={name},dc=acme" for name in "ABCEF"]


def test_an_ldif_entry_whose_name_says_otherwise_is_refused_in_words_and_no_other(tmp_path: Path) -> None:
    """But for one that was so before: what is wrong there by another's hand keeps nothing from being written."""
    path = tmp_path / "w.ldif"
    path.write_text(ENTRIES.replace("id: 3", "id: 3\ncn: Other"))
    made = connector(tmp_path, "w.ldif")
    outcomes = write(
        made,
        update(1, "1", cn="Ann"),
        update(2, "2", cn="b", sn="Lee"),
        update(3, "3", sn="Lee"),
        create(4, id="4", dn="cn=D+uid=4,dc=acme", cn="D", uid="5"),
    )
    assert [one.result for one in outcomes] == [Result.REJECTED, Result.DONE, Result.DONE, Result.REJECTED]
    assert outcomes[0].reason.startswith("dn names it cn=A,dc=acme, and cn would be 'Ann': a directory takes no such")
    assert "and uid would be '5'" in outcomes[3].reason
    assert "Ann" not in path.read_text()


def test_ldif_entries_swap_names_and_take_those_that_are_given_up(tmp_path: Path) -> None:
    path = tmp_path / "w.ldif"
    path.write_text(ENTRIES)
    made = connector(tmp_path, "w.ldif")
    done = write(
        made,
        renamed(1, "1", "B"),
        renamed(2, "2", "a"),
        Change(3, "worker", Action.DELETE, "3"),
        create(4, id="4", dn="cn=c,dc=acme"),
    )
    assert {one.result for one in done} == {Result.DONE}
    assert names(path) == ["cn=B,dc=acme", "cn=a,dc=acme", "cn=c,dc=acme"]


def test_every_line_break_in_a_cell_is_quoted_whatever_ends_the_lines(tmp_path: Path) -> None:
    for ending in ("\n", "\r\n", "\r"):
        (tmp_path / "w.csv").write_text(f"id,name{ending}A1,Ann{ending}", newline="")
        made = connector(tmp_path)
        names = {f"A{n}": f"x{broken}y" for n, broken in enumerate(("\r", "\n", "\r\n"), 2)}
        write(made, *(create(int(one[1:]), id=one, name=name) for one, name in names.items()))
        assert {item.anchor: item.values["name"] for item in objects(made)} == {"A1": "Ann", **names}
