"""`muster init` and `muster connector new`: what they make, and where they refuse."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from muster.app.check import check_project
from muster.cli.scaffold import STARTER, examples, make_connector, make_project, template
from muster.model.errors import ProjectError


def test_a_project_is_complete_and_named_after_its_folder(tmp_path: Path) -> None:
    made = make_project(STARTER, tmp_path / "Büro 7")
    assert {"muster.yaml", "metaverse.yaml", ".gitignore", "README.md", "data/people.csv", "data/app.db"} <= set(made)
    assert not [name for name in made if name.startswith("dot.") or name.endswith(".sql")]
    assert "project: 'Büro 7'" in (tmp_path / "Büro 7" / "muster.yaml").read_text("utf-8")
    with closing(sqlite3.connect(tmp_path / "Büro 7" / "data" / "app.db")) as database:
        assert database.execute("SELECT count(*) FROM account").fetchone() == (0,)


def test_an_empty_folder_and_one_with_only_git_will_do(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert make_project(STARTER, tmp_path)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x", "utf-8")
    with pytest.raises(ProjectError, match="not empty"):
        make_project(STARTER, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x", "utf-8")
    with pytest.raises(ProjectError, match="is a file"):
        make_project(STARTER, tmp_path / "mine")


def test_an_unknown_example_names_the_nearest() -> None:
    with pytest.raises(ProjectError, match="Did you mean 'acme'"):
        template("acmee")


@pytest.mark.parametrize("example", ["hybrid", "writeback"])
def test_an_example_is_in_order_as_it_comes(example: str, tmp_path: Path) -> None:
    made = make_project(examples()[example], tmp_path / example)
    assert {"README.md", ".gitignore", "mappings/ad-user.yaml", "mappings/cloud-user.yaml"} <= set(made)
    assert check_project(tmp_path / example) == []


def test_acme_comes_without_what_belongs_to_the_checkout(tmp_path: Path) -> None:
    made = make_project(examples()["acme"], tmp_path / "acme")
    assert {"README.md", "make_data.py", "data/workers.csv", "data/badges.db", "data/app.db", ".gitignore"} <= set(made)
    assert "demo.py" not in made


def test_a_connector_is_called_by_its_name_everywhere(tmp_path: Path) -> None:
    made = make_connector("payroll_7", tmp_path / "payroll", ["sql"])
    assert {"pyproject.toml", ".gitignore", "src/muster_payroll_7/connector.py", "tests/test_payroll_7.py"} <= set(made)
    written = "".join((tmp_path / "payroll" / name).read_text("utf-8") for name in made)
    assert "class Payroll7Connector" in written
    assert "cardbox" not in written.lower()


@pytest.mark.parametrize(("name", "why"), [("sql", "already"), ("Pay-roll", "small letters"), ("7up", "small letters")])
def test_a_name_that_no_connector_can_have_is_refused(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=why):
        make_connector(name, tmp_path / "new", ["sql"])
    assert not (tmp_path / "new").exists()
