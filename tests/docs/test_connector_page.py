"""The page that writes a connector does what it says: the package passes the kit, the kit catches a mistake in it."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from tests.docs.pages import Reader, Step, steps

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "connector.md"


def put_on_the_path(package: Path, environment: dict[str, str]) -> None:
    """What `pip install -e` does, without a network: its source and its entry points are found."""
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = package / "installed" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8")
    groups = (
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
        for group, points in project["entry-points"].items()
    )
    (told / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
    environment["PYTHONPATH"] = f"{package / 'src'}{os.pathsep}{told.parent}"


def test_who_follows_the_page_has_a_connector_that_passes_the_kit_and_that_the_kit_watches(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    environment = ("python3 -m venv", ". work/", "pip install MUSTER")  # the tests have one
    followed: list[Step] = []
    for step in steps(PAGE):
        if step.command == "pip install -e '.[test]'":
            put_on_the_path(reader.folder, reader.environment)
        elif not step.command.startswith(environment):
            reader.do(step)
            followed.append(step)
    assert [step.command for step in followed if step.command.startswith("pytest")] == [
        "pytest -v -rs",
        'pytest -k "create"',
        'pytest -k "create" -v',
    ]
    assert {step.file for step in followed} >= {"systems/cards.yaml", "mappings/cards-account.yaml"}
