"""The files that the how-to pages show are right: put into the starter project, `muster check` finds nothing."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from muster.app.check import check_project
from muster.cli.scaffold import STARTER, make_project
from muster.connectors.sql.settings import SqlObject, SqlSettings

PAGES = Path(__file__).resolve().parents[2] / "docs" / "how-to"


def files(page: Path) -> dict[str, str]:
    """The files of a page: YAML blocks whose first line names one."""
    found: dict[str, str] = {}
    for block in re.findall(r"^ *```yaml\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        text = textwrap.dedent(block)
        name = re.match(r"# ((?:systems|mappings)/[\w-]+\.yaml)\n", text)
        if name:
            found[name[1]] = text
    return found


@pytest.mark.parametrize(
    "page",
    [
        "csv-hr",
        "sql",
        "active-directory",
        "cloud-directory",
        "ldap",
        "provisioning",
        "scim",
        "scim-gateway",
        "rest",
        "soap",
        "script",
        "agents",
    ],
)
def test_the_files_of_the_page_pass_the_check(page: str, tmp_path: Path) -> None:
    make_project(STARTER, tmp_path / "project")
    shown = files(PAGES / f"{page}.md")
    assert shown
    for name, text in shown.items():
        (tmp_path / "project" / name).write_text(text, encoding="utf-8")
    assert [str(one) for one in check_project(tmp_path / "project") if one.severity == "error"] == []


def test_what_the_page_about_databases_shows_of_a_system_file_is_right() -> None:
    page = (PAGES / "sql.md").read_text(encoding="utf-8")
    shown = 0
    for block in re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        found = YAML(typ="safe").load(textwrap.dedent(block))
        if "settings" in found:
            SqlSettings.model_validate(found["settings"])
        elif "objects" in found:
            for one in found["objects"].values():
                SqlObject.model_validate(one)
        else:
            told = {} if {"changes", "watermark"} & set(found) else {"watermark": "rev"}
            SqlObject.model_validate({"table": "person", "anchor": "id", **told, **found})
        shown += 1
    assert shown >= 8
