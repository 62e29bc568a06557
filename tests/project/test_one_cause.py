"""One mistake is one message, however many rules it breaks, and in however many places what is lacking is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from muster.app.connectors import Catalogue
from muster.project.loader import load_project
from tests.project.support import BASE, Files, app, hr, write

KINDS = "`text`, `integer`, `decimal`, `boolean`, `datetime`, `date`, `binary`, `reference`"


def said(folder: Path, files: Files, *, without: Sequence[str] = ()) -> list[str]:
    """What is wrong with the base project with these files, under the connectors' own models."""
    write(folder, {**BASE, **files})
    for name in without:
        (folder / name).unlink()
    return [str(found) for found in load_project(folder, connectors=Catalogue()).errors]


def worker(settings: str) -> Files:
    return {"systems/hr.yaml": f"connector: flatfile\nsettings: {{path: p.csv}}\nobjects:\n  worker: {settings}\n"}


def account(settings: str) -> Files:
    return {
        "systems/app.yaml": f"connector: sql\nsettings: {{url: 'sqlite:///a.db'}}\nobjects:\n  account: {settings}\n"
    }


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"muster.yaml": "projct: acme\n"},
            "muster.yaml:1:1: unknown key `projct`; known here: `directory`, `mail`, `parameters`, `project`, "
            "`safety`, `schedule`, `server`, `staging`, `store`. Did you mean `project`?",
        ),
        (
            worker("{anchr: id}"),
            "systems/hr.yaml:4:12: unknown key `anchr`; known here: `anchor`, `columns`, `enabled`, `format`, `path`, "
            "`where`. Did you mean `anchor`?",
        ),
        (
            worker("{anchor: id, columns: {born: datum}}"),
            f"systems/hr.yaml:4:40: expected one of {KINDS}; found `datum`. Did you mean `date`?",
        ),
        (
            worker("{anchor: id, columns: {born: [datum]}}"),
            f"systems/hr.yaml:4:41: expected one of {KINDS}; found `datum`. Did you mean `date`?",
        ),
        (
            worker("{anchor: id, columns: {born: 5}}"),
            f"systems/hr.yaml:4:40: expected one of {KINDS} or a list; found the number 5",
        ),
        (
            worker("{anchor: id, where: {kind: {a: 1}}}"),
            "systems/hr.yaml:4:38: expected a text or a list; found keys",
        ),
        (
            account("{table: account, anchor: login, enabled: {colum: active}}"),
            "systems/app.yaml:4:54: unknown key `colum`; known here: `column`, `off`, `on`. Did you mean `column`?",
        ),
        (account(""), "systems/app.yaml:4:3: the keys `table` and `anchor` are missing"),
    ],
)
def test_one_mistake_is_one_message(tmp_path: Path, files: Files, message: str) -> None:
    assert said(tmp_path, files) == [message]


def test_a_key_that_is_missing_beside_another_mistyped_one_is_told(tmp_path: Path) -> None:
    missing, unknown = said(tmp_path, account("{tabel: account}"))
    assert missing == "systems/app.yaml:4:3: the key `anchor` is missing"
    assert "unknown key `tabel`" in unknown


def test_what_is_lacking_is_told_once_with_all_its_places(tmp_path: Path) -> None:
    found = said(tmp_path, {**app("'[givenName]'", "'[zzz]'"), **hr("givenName:", "zzz:")})
    assert found == [
        "mappings/app-account.yaml:8:13: unknown attribute `zzz` of `person`; add it in metaverse.yaml if it is your "
        "own (also in mappings/hr-worker.yaml:11)"
    ]


def test_a_mistyped_name_is_told_wherever_it_is_to_be_mended(tmp_path: Path) -> None:
    found = said(tmp_path, {**app("'[givenName]'", "'[givenNam]'"), **hr("givenName:", "givenNam:")})
    assert [one.partition(": ")[0] for one in found] == [
        "mappings/app-account.yaml:8:13",
        "mappings/hr-worker.yaml:11:5",
    ]
    assert all(one.endswith("Did you mean `givenName`?") for one in found)


@pytest.mark.parametrize("written", ["${PASSWORD}", "x${secert:db}"])
def test_a_placeholder_of_another_kind_is_no_secret(tmp_path: Path, written: str) -> None:
    files = {"systems/app.yaml": BASE["systems/app.yaml"].replace("sqlite:///data/app.db", written)}
    assert said(tmp_path, files) == [
        f"systems/app.yaml:2:17: `{written.removeprefix('x')}` is replaced by nothing: a secret is written "
        "${secret:NAME}"
    ]


def test_a_missing_system_file_is_told_once(tmp_path: Path) -> None:
    again = "system: hr\nobject: team\nidentity: group\n"
    assert said(tmp_path, {"mappings/hr-team.yaml": again}, without=["systems/hr.yaml"]) == [
        "mappings/hr-team.yaml:1:9: unknown system `hr`; there is no systems/hr.yaml. Known: `app` (also in "
        "mappings/hr-worker.yaml:1)"
    ]


def test_two_mappings_of_one_precedence_are_told_once(tmp_path: Path) -> None:
    assert said(tmp_path, {"mappings/hr-second.yaml": BASE["mappings/hr-worker.yaml"]}) == [
        "mappings/hr-worker.yaml:10:5: `employeeId`, `givenName` and `active` of `person` have precedence 10 here "
        "(`hr-worker`) and in mappings/hr-second.yaml:10 (`hr-second`): nobody could say which wins. Give "
        "one of them another precedence, or `merge`"
    ]
