"""Loading as a whole: everything wrong at once, hints, order, bytes, speed."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.model.errors import ProjectError
from muster.project.loader import load_project
from muster.project.yamltree import Scalar, parse, plain
from tests.project.support import BASE, Connectors, Files, app, hr, load, write

EXAMPLES = Path(__file__).parent / "examples"
NOT_UTF8 = "not UTF-8: found the byte 0xFF; save the file as UTF-8"


def said(folder: Path, files: Files) -> list[str]:
    return [str(d) for d in load(folder, files).diagnostics]


def test_a_folder_without_a_project(tmp_path: Path) -> None:
    found = load_project(tmp_path, connectors=Connectors())
    assert [str(d) for d in found.diagnostics] == [
        "muster.yaml:1:1: there is no muster.yaml in this folder: make a project with `muster init DIR`"
    ]
    found = load_project(tmp_path / "none", connectors=Connectors())
    assert "which is no folder" in found.diagnostics[0].message


def test_a_mapping_that_only_updates_may_stand_beside_one_that_provisions(tmp_path: Path) -> None:
    second = BASE["mappings/app-account.yaml"]
    updating = "".join(line for line in second.splitlines(keepends=True) if "provision:" not in line)
    assert said(tmp_path, {"mappings/second.yaml": updating}) == []


def test_all_files_at_once_in_order(tmp_path: Path) -> None:
    files = {
        "muster.yaml": "project: acme\nschedul: every hour\n",
        "systems/hr.yaml": "connector: flatfile\nobjects: [worker]\n",
        **app("'[givenName]'", "'Nme([givenName])'"),
        "roles/a.yaml": "rol: a\n",
        "metaverse.yaml": "person: {computed: {a: '[b]'}}\n",
    }
    found = load(tmp_path, files)
    assert [f"{d.file}:{d.line}:{d.column}" for d in found.errors] == [
        "mappings/app-account.yaml:8:12",
        "metaverse.yaml:1:26",
        "muster.yaml:2:1",
        "roles/a.yaml:1:1",
        "systems/hr.yaml:2:10",
    ]
    with pytest.raises(ProjectError) as caught:
        found.required()
    assert len(caught.value.message.splitlines()) == 5


def test_a_broken_system_file_is_not_said_again_by_its_mappings(tmp_path: Path) -> None:
    assert said(tmp_path, {"systems/hr.yaml": "connector: [\n"}) == [
        "systems/hr.yaml:2:1: the file ends in the middle: a value, `]` or `}` is missing"
    ]


def test_a_broken_metaverse_makes_no_other_name_wrong(tmp_path: Path) -> None:
    files = {
        "metaverse.yaml": "person: {attributes: {costCentre: string}}\n",
        **app("'[givenName]'", "'[costCentre]'"),
        **hr("givenName:", "costCentre:"),
    }
    assert [text.split(": ")[0] for text in said(tmp_path, files)] == ["metaverse.yaml:1:35"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"project: caf\xe9\n", "muster.yaml:1:13: not UTF-8: found the byte 0xE9; save the file as UTF-8"),
        (
            b"# \xc3\xa9\nproject: \xc3\xa9\xff\n",
            "muster.yaml:2:11: " + NOT_UTF8,
        ),
        ("project: acme\n".encode("utf-16"), "muster.yaml:1:1: " + NOT_UTF8),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, content: bytes, message: str) -> None:
    assert said(tmp_path, {"muster.yaml": content}) == [message]


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    files = {name: "\ufeff" + text.replace("\n", "\r\n") for name, text in BASE.items()}
    assert said(tmp_path, files) == []


def test_hints_do_not_stop_a_project(tmp_path: Path) -> None:
    found = load(tmp_path, hr("project: true", "project: false"))
    assert [str(d) for d in found.diagnostics] == [
        "muster.yaml:1:1: hint: no mapping says `project: true`, so no identity ever comes into being"
    ]
    assert found.project is not None
    assert found.errors == []


def test_deprovision_without_provision_is_a_hint(tmp_path: Path) -> None:
    assert said(tmp_path, app("provision: '[active]'", "deprovision: delete")) == [
        "mappings/app-account.yaml:5:3: hint: `deprovision` without `provision` never happens: this mapping only "
        "updates joined objects"
    ]


def test_a_source_of_a_computed_value_is_a_hint(tmp_path: Path) -> None:
    assert said(tmp_path, {"metaverse.yaml": "person:\n  computed:\n    givenName: '[surname]'\n"}) == [
        "mappings/hr-worker.yaml:11:5: hint: `givenName` is computed in metaverse.yaml:3, too: the computed value "
        "comes after every source"
    ]


def test_hidden_files_and_other_kinds_are_left_alone(tmp_path: Path) -> None:
    assert said(tmp_path, {"systems/.swp.yaml": "[", "systems/README.md": "x", "mappings/notes.txt": "y"}) == []


@given(st.sampled_from(sorted(BASE)), st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_is_said_with_a_place_in_the_file_or_is_none(tmp_path: Path, file: str, data: st.DataObject) -> None:
    """Whatever is cut out of or put into a file, loading answers with places that exist, and never fails."""
    text = BASE[file]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    put = data.draw(st.text("ab '\"[]{}:-#&*!|>%\n\t,?@`é\x00", max_size=4))
    damaged = text[:start] + put + text[end:]
    found = load(tmp_path, {file: damaged})
    assert (found.project is None) == bool(found.errors)
    for diagnostic in found.diagnostics:
        lines = (damaged if diagnostic.file == file else BASE.get(diagnostic.file, "")).split("\n")
        assert 1 <= diagnostic.line <= len(lines) + 1
        assert 1 <= diagnostic.column <= max(len(line) for line in lines) + 2


_ODD = st.recursive(
    st.sampled_from(
        [None, True, 3, -1, 1.5, "", "x", "[mail]", "ToLower(", "person", "a/b", "30 days", "é", "${secret:"]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["value", "when", "do", "to", "reference", "type", "x"]), inner, max_size=3),
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(path.name for path in EXAMPLES.rglob("*.yaml"))), _ODD, st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_anywhere_is_said_or_fits(tmp_path: Path, name: str, odd: object, data: st.DataObject) -> None:
    """Whatever stands where something else was expected, loading answers; it never fails."""
    folder = tmp_path / "acme"
    if not folder.exists():
        shutil.copytree(EXAMPLES, folder)
    path = next(folder.rglob(name))
    before = path.read_text()
    tree = plain(parse(before) or Scalar(None, 1, 1))
    spots = list(_spots(tree))
    holder, key = data.draw(st.sampled_from(spots))
    holder[key] = odd
    path.write_text(json.dumps(tree, indent=1))
    found = load_project(folder, connectors=Connectors())
    path.write_text(before)
    assert (found.project is None) == bool(found.errors)


def _spots(tree: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield tree, key
        yield from _spots(tree[key])


@given(st.permutations(sorted(BASE)))
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_in_which_files_were_written_does_not_matter(tmp_path: Path, order: list[str]) -> None:
    first = load(tmp_path / "first").required()
    folder = tmp_path / "-".join(str(sorted(BASE).index(name)) for name in order)
    for name in order:
        write(folder, {name: BASE[name]})
    assert load_project(folder, connectors=Connectors()).required().digest == first.digest


def test_a_large_project_loads_in_time(tmp_path: Path) -> None:
    flows = "".join(f"    extensionAttribute{n}: 'Join(\" \", [a{n}], ToLower([b{n}]))'\n" for n in range(1, 16))
    files = {
        f"mappings/m{n:03}.yaml": f"system: hr\nobject: worker\nidentity: person\nscope: '[kind] = \"{n}\"'\n"
        f"inbound:\n  precedence: {n + 20}\n  flows:\n{flows}"
        for n in range(200)
    }
    write(tmp_path, {**BASE, **files})
    start = time.process_time()
    found = load_project(tmp_path, connectors=Connectors())
    took = time.process_time() - start
    assert found.diagnostics == []
    assert took < 20, took
