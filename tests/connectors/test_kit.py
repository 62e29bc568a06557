"""The conformance kit passes the honest connector and catches every one that is broken on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS, examine
from muster.connectors.kit.memory import MemoryConnector
from muster.connectors.kit.mutants import MUTANTS
from muster.connectors.kit.mutants_writing import LosesAnUpdate
from muster.connectors.kit.registry import connector_class, connector_names
from muster.model.errors import ProjectError
from tests.connectors.subjects import MemorySubject, subject_of


@pytest.fixture(params=[False, True], ids=["own anchors", "assigned anchors"])
def honest(request: pytest.FixtureRequest) -> Iterator[MemorySubject]:
    subject = MemorySubject("honest", assigned=request.param)
    yield subject
    subject.system.close()


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_the_honest_connector_keeps_the_promise(check: Check, honest: MemorySubject) -> None:
    assert check.lacking(honest) == ""
    check.run(honest)


@pytest.fixture(params=MUTANTS, ids=lambda mutant: mutant.__name__)
def mutant(request: pytest.FixtureRequest) -> Iterator[MemorySubject]:
    subject = subject_of(request.param)
    yield subject
    subject.system.close()


def test_the_named_check_catches_the_mutant(mutant: MemorySubject) -> None:
    check = next(check for check in CHECKS if check.name == getattr(mutant.connector, "caught_by", ""))
    assert check.lacking(mutant) == ""
    with pytest.raises(AssertionError, match=check.name):
        check.run(mutant)


def test_every_check_catches_some_mutant() -> None:
    assert {mutant.caught_by for mutant in MUTANTS} == {check.name for check in CHECKS}


def test_a_report_names_what_was_kept_broken_and_not_run() -> None:
    subject = subject_of(LosesAnUpdate)
    subject.__class__.many = None
    report = examine(subject)
    subject.system.close()
    assert "update_changes_just_what_it_says" in report.broken
    assert "read_gives_everything" in report.kept
    assert report.not_run["values_are_added_and_removed_one_by_one"] == "it has no many-valued attribute"


def memory_subject() -> MemorySubject:
    """What a third party's package would name as its subject."""
    return MemorySubject("third party")


def test_a_third_party_runs_the_kit_with_pytest_alone(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    subject = "--muster-subject=tests.connectors.test_kit:memory_subject"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", subject],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(pytestconfig.rootpath)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{len(CHECKS)} passed" in done.stdout, done.stdout + done.stderr


def test_an_unknown_connector_is_told_with_the_nearest_name() -> None:
    expected = r"'flatfiel'\. Did you mean 'flatfile'\? Known: active_directory, flatfile, graph, ldap"
    with pytest.raises(ProjectError, match=expected):
        connector_class("flatfiel")
    assert connector_class("memory") is MemoryConnector
    assert "sql" in connector_names()
