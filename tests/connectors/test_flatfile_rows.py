"""Flat files that hold something wrong: row or file is named, the rest goes through, nobody is taken for gone."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from muster.connectors.kit.guard import Guard
from muster.model.changes import Result
from muster.model.errors import IncompleteRead, Unreachable
from muster.model.objects import Page
from tests.connectors.files import connector, objects, pages, problems, update, write

WHOLE = frozenset({("worker", "")})


def put(path: Path, content: bytes | str) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


# --- one bad row


@pytest.mark.parametrize(
    ("name", "content", "line", "said"),
    [
        ("w.jsonl", '{"id": "A1", "name": "x", "name": "y"}\n', 1, "name stands twice"),
        ("w.jsonl", '{"id": "A1", "name" : "12:30", "name" :"y"}\n', 1, "name stands twice"),
        ("w.jsonl", '{"id": "A1", "name": {"first": "Ann"}}\n', 1, "name: expected text, found {'first': 'Ann'}"),
        ("w.jsonl", b'{"id": "A1", "na\xffme": "x"}\n', 1, "na?me holds the byte 0xff as character 3"),
        ("w.ldif", "dn: cn=A1\nid: A1\nname:: *\n", 1, "name is no base64 text (line 3)"),
        ("w.ldif", b"dn: cn=A1\nid: A1\nname: J\xf6rg\n", 1, "name holds the byte 0xf6 as character 2"),
        ("w.ldif", "dn: cn=A1\nid: A1\nname:: /w==\n", 1, "declare them under `columns` as `name: binary`"),
    ],
)
def test_a_bad_row_is_one_problem_and_the_others_go_through(
    tmp_path: Path, name: str, content: bytes | str, line: int, said: str
) -> None:
    good = b'{"id": "A2", "name": "Bob"}\n' if name == "w.jsonl" else b"\ndn: cn=A2\nid: A2\nname: Bob\n"
    put(tmp_path / name, (content if isinstance(content, bytes) else content.encode()) + good)
    made = connector(tmp_path, name)
    assert [item.anchor for item in objects(made, "id", "name")] == ["A2"]
    (told,) = problems(made, "id", "name")
    assert (told.anchor, told.where) == ("A1", f"{name}:{line}")
    assert said in told.message
    assert pages(made, "id", "name")[-1].complete_for == WHOLE


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("w.jsonl", '{"id": "A1", "id": "A3"}\n', "id stands twice"),
        ("w.jsonl", '{"id": {"a": 1}}\n', "id, which names the object: expected text, found {'a': 1}"),
        ("w.jsonl", '{"id": ["A1", "A3"]}\n', "id, which names the object: expected one value, found 2"),
        ("w.jsonl", '{"name": "x"}\n', "id, which names the object, is empty"),
        ("w.ldif", "dn: cn=A1\nid:: *\n", "id is no base64 text (line 2)"),
        ("w.ldif", "dn: cn=A1\nid: A1\nid: A3\n", "id, which names the object: expected one value, found 2"),
    ],
)
def test_a_row_whose_anchor_is_not_sure_may_be_anybodys(tmp_path: Path, name: str, content: str, said: str) -> None:
    put(tmp_path / name, content)
    (told,) = problems(connector(tmp_path, name), "id")
    assert told.anchor is None
    assert said in told.message
    assert pages(connector(tmp_path, name), "id")[-1].complete_for == frozenset()


def test_a_row_whose_anchor_is_not_sure_makes_no_other_row_double(tmp_path: Path) -> None:
    put(tmp_path / "w.jsonl", '{"id": "A1", "id": "A2"}\n{"id": "A2"}\n')
    made = connector(tmp_path, "w.jsonl")
    assert [item.anchor for item in objects(made, "id")] == ["A2"]
    assert [told.where for told in problems(made, "id")] == ["w.jsonl:1"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("w.csv", b"kind,id\nperso\xff,A1\nperson,A2\n"),
        ("w.ldif", b"dn: cn=A1\nid: A1\nkind:: *\n\ndn: cn=A2\nid: A2\nkind: person\n"),
    ],
)
def test_a_row_that_may_be_of_this_type_is_a_problem_of_it(tmp_path: Path, name: str, content: bytes) -> None:
    put(tmp_path / name, content)
    made = connector(tmp_path, name, where={"kind": "person"})
    assert [item.anchor for item in objects(made, "id")] == ["A2"]
    assert [told.anchor for told in problems(made, "id")] == ["A1"]


def test_a_binary_anchor_is_base64_text(tmp_path: Path) -> None:
    guid = base64.b64encode(bytes(range(200, 216))).decode()
    put(tmp_path / "w.ldif", f"dn: cn=a\nobjectGUID:: {guid}\n")
    made = connector(tmp_path, "w.ldif", anchor="objectGUID", columns={"objectGUID": "binary"})
    assert [(item.anchor, item.values["objectGUID"]) for item in objects(made)] == [(guid, guid)]


def test_a_line_that_cannot_be_decoded_stays_as_it_is_when_another_is_written(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    put(path, b"id,name\nA1,J\xf6rg\nA2,Bob\n")
    (outcome,) = write(connector(tmp_path), update(1, "A2", name="Bobby"))
    assert outcome.result is Result.DONE
    assert path.read_bytes() == b"id,name\nA1,J\xf6rg\nA2,Bobby\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("w.jsonl", '{"id": "A1", "name": "x", "name": "y"}\n', "w.jsonl:1: name stands twice"),
        ("w.ldif", "dn: cn=A1\nid: A1\nname:: *\n", "w.ldif:1: name is no base64 text"),
    ],
)
def test_a_row_with_something_wrong_in_it_is_not_written(tmp_path: Path, name: str, content: str, said: str) -> None:
    put(tmp_path / name, content)
    (outcome,) = write(connector(tmp_path, name), update(1, "A1", title="Boss"))
    assert outcome.result is Result.REJECTED
    assert said in outcome.reason
    assert (tmp_path / name).read_text() == content


# --- what no store can hold


def guarded(folder: Path, name: str) -> list[Page]:
    with Guard(connector(folder, name), system="hr") as guard:
        return list(guard.read({"worker": ["id", "name"]}))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("w.csv", b"id,name\nA1,A\0nn\nA2,Bob\n", "name holds a NUL character (U+0000) as character 2"),
        ("w.jsonl", rb'{"id":"A1","name":"A\u0000nn"}' + b'\n{"id":"A2"}\n', "name holds a NUL character"),
        ("w.jsonl", rb'{"id":"A1","name":"A\ud800nn"}' + b'\n{"id":"A2"}\n', "name holds half of a character (U+D800)"),
        ("w.ldif", b"dn: cn=A1\nid: A1\nname:: QQBC\n\ndn: cn=A2\nid: A2\n", "name holds a NUL character"),
    ],
)
def test_an_object_that_no_store_can_hold_is_a_problem(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    put(tmp_path / name, content)
    read = guarded(tmp_path, name)
    assert [item.anchor for page in read for item in page.objects] == ["A2"]
    (told,) = [problem for page in read for problem in page.problems]
    assert (told.anchor, told.where) == ("A1", f"{name}:{1 if name != 'w.csv' else 2}")
    assert said in told.message


# --- files that are something else


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,name\nA1,Ann\n".encode("utf-16"), "the file is UTF-16, and is to be read as utf-8.*`encoding: utf-16`"),
        ("id,name\nA1,Jörg\n".encode("utf-16-le"), "the file is UTF-16-LE.*Save it as UTF-8.*`encoding: utf-16-le`"),
        ("id,name\nA1,Ann\n".encode("utf-16-be"), "the file is UTF-16-BE.*in systems/hr.yaml"),
        (b"PK\x03\x04rest", "the file is an Excel workbook or a ZIP archive, no text"),
        (b"\x1f\x8b\x08rest", "the file is a gzip archive, no text"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_name(tmp_path: Path, content: bytes, said: str) -> None:
    put(tmp_path / "w.csv", content)
    with pytest.raises(IncompleteRead, match=f"w.csv: {said}"):
        pages(connector(tmp_path), "id")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_wide_encoding_is_read_when_the_settings_name_it(tmp_path: Path, encoding: str) -> None:
    put(tmp_path / "w.csv", "id,name\nA1,Jörg\n".encode(encoding))
    (item,) = objects(connector(tmp_path, settings={"encoding": encoding}))
    assert item.values == {"id": "A1", "name": "Jörg"}


def test_a_folder_in_place_of_the_file_is_called_a_folder(tmp_path: Path) -> None:
    (tmp_path / "w.csv").mkdir()
    with pytest.raises(Unreachable, match=r"w.csv: this is a folder, no file. Correct `path` in systems/hr.yaml"):
        pages(connector(tmp_path), "id")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("w.jsonl", '[{"id": "1"},\n{"id": "2"}]\n', "Each line holds one object"),
        ("w.jsonl", '{"id": NaN, "x": "\\ud800"}\n', "this is no JSON: NaN is no JSON number"),
        ("w.jsonl", '{"id": ' + "[" * 100_000 + "\n", "this is no JSON"),
        ("w.jsonl", '{"id": "\\u0041' + '", "x": ' + "[" * 100_000 + "\n", "this is no JSON: too deep"),
        ("w.ldif", "dn: cn=A1\nid: A1\ndn: cn=A2\nid: A2\n", "w.ldif:3: a second dn in one entry.*An empty line"),
        (
            "w.ldif",
            "dn: cn=A1\nid: A1\n\ndn: cn=A2\nid: A",
            "the last line has no line ending. In LDIF every line ends",
        ),
        ("w.csv", "id,name\nA1," + "x" * ((1 << 24) + 1) + "\n", "w.csv:2: a cell has more than 16,777,216 characters"),
    ],
)
def test_a_file_that_is_broken_says_how(tmp_path: Path, name: str, content: str, said: str) -> None:
    put(tmp_path / name, content)
    with pytest.raises(IncompleteRead, match=said):
        pages(connector(tmp_path, name), "id")
