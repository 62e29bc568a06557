"""The project's own expression functions."""

from __future__ import annotations

import sys
from pathlib import Path

from muster.expressions import Context
from muster.project.diagnostics import Diagnostics
from muster.project.extensions import Extensions, load_extensions
from tests.project.support import app, load, write

HEAD = "from muster.project.extensions import expression_function\n\n"


def loaded(folder: Path, source: str) -> tuple[Extensions, list[str]]:
    write(folder, {"extensions/own.py": HEAD + source})
    diagnostics = Diagnostics()
    found = load_extensions(folder, diagnostics)
    return found, [str(d) for d in diagnostics.sorted()]


def test_functions_are_known_by_their_own_name_or_the_one_given(tmp_path: Path) -> None:
    source = (
        "@expression_function\ndef Initials(first, last):\n    return first[:1] + last[:1]\n\n"
        "@expression_function('Twice')\ndef _double(value):\n    return value * 2\n\n"
        "@expression_function()\ndef Same(value):\n    return value\n\ndef helper():\n    pass\n"
    )
    found, said = loaded(tmp_path, source)
    assert said == []
    assert sorted(found.functions) == ["Initials", "Same", "Twice"]
    assert found.functions["Initials"]("Ada", "Lovelace") == "AL"
    assert found.functions["Twice"](2) == 4


def test_an_expression_calls_one(tmp_path: Path) -> None:
    source = HEAD + "@expression_function\ndef Shout(text):\n    return text.upper() + '!'\n"
    project = load(tmp_path, {"extensions/own.py": source, **app("'[givenName]'", "'Shout([givenName])'")}).required()
    outbound = project.mappings["app-account"].outbound
    assert outbound is not None
    value = outbound.flows[1].choices[0].value.expression
    assert value.evaluate({"givenName": "Ada"}, Context()) == "ADA!"


def test_two_projects_do_not_meet(tmp_path: Path) -> None:
    first, _ = loaded(tmp_path / "a", "@expression_function\ndef F():\n    return 'a'\n")
    second, _ = loaded(tmp_path / "b", "@expression_function\ndef F():\n    return 'b'\n")
    assert (first.functions["F"](), second.functions["F"]()) == ("a", "b")
    assert "own" not in sys.modules


def test_a_second_load_sees_the_changed_file(tmp_path: Path) -> None:
    first, _ = loaded(tmp_path, "@expression_function\ndef F():\n    return 1\n")
    second, _ = loaded(tmp_path, "@expression_function\ndef F():\n    return 2\n")
    assert (first.functions["F"](), second.functions["F"]()) == (1, 2)
    assert first.digests != second.digests


def test_a_fault_is_said_with_the_extension_s_own_line(tmp_path: Path) -> None:
    _, said = loaded(tmp_path, "def inner():\n    return {}['x']\n\ninner()\n")
    assert said == ["extensions/own.py:4:1: KeyError: 'x'"]


def test_a_fault_of_any_kind_is_said(tmp_path: Path) -> None:
    _, said = loaded(tmp_path, "import re\n\nre.compile('(')\n")
    assert len(said) == 1
    assert said[0].startswith("extensions/own.py:5:1: ")
    assert said[0].endswith("rror: missing ), unterminated subpattern at position 0")


def test_something_that_can_be_called_and_is_no_function(tmp_path: Path) -> None:
    found, said = loaded(tmp_path, "@expression_function\nclass Box:\n    def __init__(self, value):\n        pass\n")
    assert (list(found.functions), said) == (["Box"], [])


def test_a_syntax_error_is_said_with_its_column(tmp_path: Path) -> None:
    _, said = loaded(tmp_path, "def f(:\n    pass\n")
    assert said == ["extensions/own.py:3:7: SyntaxError: invalid syntax"]


def test_the_same_name_twice(tmp_path: Path) -> None:
    write(tmp_path, {"extensions/a.py": HEAD + "@expression_function\ndef Twice():\n    pass\n"})
    _, said = loaded(tmp_path, "@expression_function\ndef twice():\n    pass\n")
    assert said == ["extensions/own.py:3:1: the function `twice` is already defined in extensions/a.py:3"]


def test_something_imported_is_not_defined_here(tmp_path: Path) -> None:
    source = "import textwrap\nwrap = expression_function(textwrap.dedent)\n"
    found, said = loaded(tmp_path, source)
    assert (dict(found.functions), said) == ({}, [])


def test_no_folder_no_functions(tmp_path: Path) -> None:
    assert load_extensions(tmp_path, Diagnostics()) == Extensions()
