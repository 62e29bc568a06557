"""The people of Acme: made by the script, and as many and as different as the example says."""

import csv
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ACME = Path(__file__).resolve().parents[2] / "examples" / "acme"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_data", ACME / "make_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def workers() -> list[dict[str, str]]:
    with (ACME / "data" / "workers.csv").open(encoding="utf-8", newline="") as file:
        return [line for line in csv.DictReader(file) if line["status"] != "draft"]


@pytest.fixture(scope="module")
def contractors() -> list[dict[str, str]]:
    return [json.loads(line) for line in (ACME / "data" / "contractors.jsonl").read_text("utf-8").splitlines()]


def test_the_script_makes_the_files_that_are_kept(script: ModuleType, tmp_path: Path) -> None:
    script.main(tmp_path)
    for name in ("workers.csv", "contractors.jsonl", "badges.db.sql"):
        assert (tmp_path / name).read_bytes() == (ACME / "data" / name).read_bytes(), f"{name}: run make_data.py"


def test_a_thousand_people_in_twelve_departments_and_five_countries(
    workers: list[dict[str, str]], contractors: list[dict[str, str]]
) -> None:
    people = {(line["private_mail"], line["born"]) for line in workers}
    others = {(line["email"].lower(), line["birthday"]) for line in contractors}
    assert (len(people), len(others), len(people & others), len(people | others)) == (941, 60, 1, 1000)
    assert len({line["dept"] for line in workers}) == 12
    assert len({line["country"] for line in workers}) == 5


def test_managers_make_a_tree(workers: list[dict[str, str]], contractors: list[dict[str, str]]) -> None:
    above = {line["employee_id"]: line["manager_id"] for line in workers}
    assert [number for number, manager in above.items() if not manager] == ["100001"]
    for number in above:
        seen = []
        while number:
            assert number not in seen
            seen.append(number)
            number = above[number]
        assert len(seen) <= 5
    assert {line["host"] for line in contractors} <= set(above)


def test_leavers_prehires_namesakes_and_scripts(workers: list[dict[str, str]]) -> None:
    states = [line["status"] for line in workers]
    assert (states.count("left"), states.count("hired")) == (25, 12)
    names = [(line["first_name"], line["last_name"]) for line in workers]
    assert [name for name in set(names) if names.count(name) > 1] == [("Anna", "Müller")]
    everyone = " ".join(family for _, family in names)
    assert re.search("[éüÓ]", everyone)
    assert "'" in everyone
    assert re.search("[\u0370-\u03ff]", everyone)
    assert re.search("[\u4e00-\u9fff]", everyone)
