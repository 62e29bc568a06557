"""Durations, nearest names, and the folder itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.model.errors import ProjectError
from muster.project.configuration import Place
from muster.project.diagnostics import Diagnostic, Diagnostics, listed, nearest
from muster.project.durations import parse_duration, parse_schedule
from muster.project.folder import find_project

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


@given(
    st.integers(0, 999_999),
    st.sampled_from(sorted(UNITS)),
    st.sampled_from(["", "s"]),
    st.sampled_from(["", " "]),
)
def test_durations(count: int, unit: str, plural: str, space: str) -> None:
    text = f"{count}{space}{unit}{plural}"
    assert parse_duration(text) == timedelta(seconds=count * UNITS[unit])
    if count:
        assert parse_schedule(f"every {text}") == parse_schedule(text) == parse_duration(text)


@pytest.mark.parametrize("text", ["", "days", "30", "30 m", "-3 days", "1.5 days", "3 days 2 h", 30, True, None, []])
def test_no_durations(text: object) -> None:
    with pytest.raises(ValueError, match="expected a duration such as"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["every", "0 minutes", "every 0 hours", "hourly", 5, "every other day"])
def test_no_schedules(text: object) -> None:
    with pytest.raises(ValueError, match="expected an interval such as"):
        parse_schedule(text)


def test_every_unit() -> None:
    assert parse_schedule("every hour") == timedelta(hours=1)
    assert parse_schedule("Every day") == timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "valid", "meant"),
    [
        ("displayname", ["displayName", "displayNam"], "displayName"),
        ("deleted_elsewhere", ["deleted elsewhere", "deprovision"], "deleted elsewhere"),
        ("departmnt", ["department", "companyName"], "department"),
        ("rh", ["hr", "app"], "hr"),
        ("zzz", ["hr", "app"], None),
        ("x", [], None),
        ("mail", ["mail"], None),
    ],
)
def test_nearest(name: str, valid: list[str], meant: str | None) -> None:
    assert nearest(name, valid) == meant


@given(st.text(max_size=10), st.lists(st.text(max_size=10), max_size=5))
def test_nearest_is_valid_and_does_not_hang_on_the_order(name: str, valid: list[str]) -> None:
    found = nearest(name, valid)
    assert found is None or found in valid
    assert found == nearest(name, list(reversed(valid)))


def test_listed() -> None:
    assert listed([]) == "none"
    assert listed("ba") == "`a`, `b`"
    assert listed("abc", most=2) == "`a`, `b` and 1 more"


def test_diagnostics_are_sorted_and_each_said_once() -> None:
    diagnostics = Diagnostics()
    for place in (Place("b", 1), Place("a", 10), Place("a", 9, 5), Place("a", 9, 5)):
        diagnostics.error(place, "wrong", "right")
    diagnostics.hint(Place("a", 1), "odd")
    assert [str(d) for d in diagnostics.sorted()] == [
        "a:1:1: hint: odd",
        "a:9:5: wrong. Did you mean `right`?",
        "a:10:1: wrong. Did you mean `right`?",
        "b:1:1: wrong. Did you mean `right`?",
    ]
    assert diagnostics.failed
    assert Diagnostic("a", 1, 1, "wrong.", None).severity == "error"


def test_the_nearest_project_upward(tmp_path: Path) -> None:
    inner = tmp_path / "acme" / "mappings"
    inner.mkdir(parents=True)
    (tmp_path / "acme" / "muster.yaml").write_text("project: acme\n")
    assert find_project(inner) == find_project(tmp_path / "acme") == (tmp_path / "acme").resolve()
    with pytest.raises(ProjectError, match=r"No muster\.yaml in .* or any folder above it\..*`muster init DIR`"):
        find_project(tmp_path)
