"""What every verb promises to the programs that call it: one JSON document, exit codes, messages on standard error."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

import pytest

from muster.cli import crash
from muster.cli.invocation import Invocation
from muster.cli.main import main
from muster.cli.verbs import VERBS
from muster.cli.who import me
from muster.model.errors import LeaseRefused, MusterError, Unreachable
from tests.cli.support import Command

CHANGE: dict[str, Any] = {
    "system": "app",
    "object_type": "account",
    "action": "create",
    "anchor": "zoë",
    "identity": "p-1",
    "attributes": {"name": {"from": None, "to": "Zoë"}},
    "reason": {"mapping": "mappings/app.yaml", "line": 3, "rule": "provision", "source": "hr/worker 1"},
}
HELD = {
    "kind": "ambiguous join",
    "system": "hr",
    "anchor": "7",
    "identities": ["p-1", "p-2"],
    "message": "Two match 7.",
}
ERROR: dict[str, Any] = {
    "kind": "rejected",
    "system": "crm",
    "anchor": "x",
    "identities": [],
    "message": "crm: user x: refused.",
}


class Double:
    """Stands for the opened project: gives what the test asks for and remembers how it was called."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.now: datetime | None = None
        self.closed = 0
        self.fault: BaseException | None = None

    def open(self, folder: Path, *, now: datetime | None, progress: Any = None) -> Self:
        del folder, progress
        self.now = now
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.closed += 1

    def __getattr__(self, verb: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            self.calls.append((verb, given, named))
            if self.fault is not None:
                raise self.fault
            return self.answers.get(verb, {})

        return call


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Double:
    (tmp_path / "muster.yaml").write_text("project: p\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MUSTER_NOW", raising=False)
    double = Double()
    monkeypatch.setattr("muster.cli.opening.Muster", double)
    return double


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"changes": [], "held": [], "errors": []}, 0),
        ({"changes": [CHANGE], "held": [], "errors": []}, 2),
        ({"changes": [CHANGE], "held": [], "errors": [ERROR]}, 1),
        ({"changes": [], "held": [HELD], "errors": [ERROR]}, 3),
    ],
)
def test_plan_prints_its_document_and_says_by_its_exit_code_what_it_found(
    project: Double, muster: Command, answer: dict[str, Any], code: int
) -> None:
    project.answers["plan"] = answer
    found = muster("plan", "--json")
    assert (found.code, found.document) == (code, answer)
    assert muster("plan").code == code
    for entry in (*answer["held"], *answer["errors"]):
        assert entry["message"] in found.err
    assert project.closed == 2


def test_plan_hands_its_options_on(project: Double, muster: Command) -> None:
    muster("plan", "--system", "app", "--identity", "x", "--full", "--as-of", "2027-01-31", "-o", "f.json")
    assert project.calls == [
        (
            "plan",
            (),
            {"system": "app", "identity": "x", "full": True, "as_of": date(2027, 1, 31), "allow_deletes": False},
        ),
        ("write_plan", ({}, Path("f.json")), {}),
    ]


@pytest.mark.parametrize(
    ("held", "options", "names"),
    [
        ([], (), False),
        ([HELD], (), False),
        ([{**HELD, "kind": "percent", "system": "crm"}], (), False),
        ([{**HELD, "kind": "percent", "system": "app"}], (), True),
        ([], ("--allow-deletes",), True),
    ],
)
def test_what_a_limit_holds_of_a_written_plan_is_made_with_allow_deletes(
    project: Double, muster: Command, held: list[dict[str, Any]], options: tuple[str, ...], names: bool
) -> None:
    project.answers["plan"] = {"changes": [CHANGE], "held": held, "errors": []}
    told = " ".join(muster("plan", "-o", "big.plan", *options).err.split())
    assert told.endswith(f": muster apply big.plan{' --allow-deletes' if names else ''}")


@pytest.mark.parametrize("verb", ["apply", "run"])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"changes": [{**CHANGE, "outcome": "done"}]}, 0),
        ({"changes": [], "stale": [CHANGE]}, 1),
        ({"changes": [], "errors": [ERROR]}, 1),
        ({"changes": [], "errors": [ERROR], "held": [HELD]}, 3),
    ],
)
def test_apply_and_run_print_what_was_done(
    project: Double, muster: Command, verb: str, answer: dict[str, Any], code: int
) -> None:
    project.answers[verb] = answer
    found = muster(verb, "--json")
    assert (found.code, found.document) == (code, answer)
    assert muster(verb).code == code


def test_apply_and_run_hand_their_options_on(project: Double, muster: Command) -> None:
    muster("apply")
    muster("apply", "f.json", "--allow-deletes")
    muster("run", "--allow-deletes", "--full")
    muster("run", "--all")
    muster("apply", "--json")
    assert project.calls == [
        ("apply", (None,), {"allow_deletes": False, "most": 50}),
        ("apply", (Path("f.json"),), {"allow_deletes": True, "most": 50}),
        ("run", (), {"allow_deletes": True, "full": True, "most": 50}),
        ("run", (), {"allow_deletes": False, "full": False, "most": None}),
        ("apply", (None,), {"allow_deletes": False, "most": None}),
    ]


def test_the_other_verbs_print_their_documents(project: Double, muster: Command) -> None:
    for arguments in (("explain", "x", "app", "mail"), ("status",), ("log", "7", "-n", "3"), ("retire", "old")):
        project.answers[arguments[0]] = {"verb": arguments[0]}
        found = muster(*arguments, "--json")
        assert (found.code, found.document, found.err) == (0, {"verb": arguments[0]}, "")
        assert muster(*arguments).code == 0
    assert project.calls[0] == ("explain", ("x", "app", "mail"), {})
    assert project.calls[4] == ("log", (), {"limit": 3, "run": 7})
    assert project.calls[6] == ("retire", ("old",), {"by": me(), "why": ""})


def test_status_says_that_somebody_has_to_decide(project: Double, muster: Command) -> None:
    project.answers["status"] = {"cases": [HELD]}
    assert muster("status", "--json").code == 3


def test_status_says_that_the_last_run_could_not_do_everything(project: Double, muster: Command) -> None:
    project.answers["status"] = {"errors": [ERROR]}
    found = muster("status")
    assert (found.code, ERROR["message"] in found.out) == (1, True)
    assert "The last run ended with 1 error. Mend what it says, then: muster plan" in found.err
    assert muster("status", "--json").document["errors"] == [ERROR]
    project.answers["status"] = {"errors": [ERROR], "held": [HELD]}
    assert muster("status").code == 3


@pytest.mark.parametrize("arguments", [("--json", "status"), ("status", "--json"), ("--json", "status", "--json")])
def test_json_may_be_asked_for_before_the_verb(project: Double, muster: Command, arguments: tuple[str, ...]) -> None:
    project.answers["status"] = {"project": "p"}
    assert muster(*arguments).document == {"project": "p"}


def test_names_of_all_scripts_come_through_whole(project: Double, muster: Command) -> None:
    project.answers["plan"] = {"changes": [{**CHANGE, "anchor": "陽菜 Ó Súilleabháin"}]}
    assert "陽菜 Ó Súilleabháin" in muster("plan").out
    assert "陽菜 Ó Súilleabháin" in muster("plan", "--json").out


@pytest.mark.parametrize("fault", [LeaseRefused("Run 7 on host x works here."), Unreachable("crm: no answer.")])
@pytest.mark.parametrize("verb", ["plan", "apply", "run", "status", "log"])
def test_an_error_with_words_is_said_and_is_exit_1(
    project: Double, muster: Command, verb: str, fault: MusterError
) -> None:
    project.fault = fault
    found = muster(verb)
    assert (found.code, found.out, found.err) == (1, "", f"muster: {fault.message}\n")
    found = muster(verb, "--json")
    assert [entry["message"] for entry in found.document["errors"]] == [fault.message]
    assert project.closed == 2


def test_a_stop_by_hand_is_said(project: Double, muster: Command) -> None:
    project.fault = KeyboardInterrupt()
    found = muster("run")
    assert (found.code, found.out) == (1, "")
    assert "run again to go on" in found.err


def test_a_bug_is_one_line_and_a_file_without_secrets(
    project: Double,
    muster: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "crm.yaml").write_text("token: ${secret:crm}\n", "utf-8")
    monkeypatch.setenv("MUSTER_SECRET_CRM", "hunter2hunter2")
    monkeypatch.setattr(sys, "argv", ["muster", "plan"])
    project.fault = ZeroDivisionError("bad hunter2hunter2")
    invocation = Invocation()
    with pytest.raises(ZeroDivisionError) as caught:
        main(["plan", "--json"], invocation)
    crash.report(caught.value, invocation)
    out, err = capsys.readouterr()
    (written,) = (tmp_path / ".muster").glob("crash-*.txt")
    assert len(err.splitlines()) == 1
    assert str(written) in err
    assert "bug" in err
    assert json.loads(out)["errors"][0]["kind"] == "bug"
    text = written.read_text("utf-8")
    assert "ZeroDivisionError: bad ***" in text
    assert "hunter2" not in text + out + err
    assert written.stat().st_mode & 0o777 == 0o600


def test_the_clock_is_an_input(project: Double, muster: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_NOW", "2026-11-24T09:00:00+01:00")
    for verb in ("plan", "apply", "run", "status", "log"):
        found = muster(verb, "--json")
        assert "clock set to 2026-11-24T08:00:00Z by MUSTER_NOW" in found.err
        assert project.now == datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_clock_that_is_none_stops_every_verb(
    project: Double, muster: Command, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("MUSTER_NOW", "tomorrow")
    needed = {"init": ["d"], "explain": ["x"], "expression": ["eval", "1"], "retire": ["x"]}
    found = muster(verb, *needed.get(verb, []))
    assert (found.code, found.out) == (1, "")
    assert "MUSTER_NOW: expected an instant in ISO 8601" in found.err
    assert project.calls == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plam",), "Did you mean 'plan'?"),
        (("plan", "--nope"), "--nope"),
        (("plan", "--as-of", "soon"), "--as-of: expected a date such as"),
        (("explain",), "WHO"),
        (("log", "x"), "RUN"),
        (("plan", "-C", "x"), "-C. It stands before the verb: muster -C DIR"),
        (("-C", "nowhere", "plan"), "-C nowhere: there is no such folder. Name the one with muster.yaml"),
    ],
)
def test_a_command_written_wrongly_is_exit_1(
    project: Double, muster: Command, arguments: tuple[str, ...], said: str
) -> None:
    found = muster(*arguments)
    assert (found.code, found.out) == (1, "")
    assert said in found.err
    assert said in muster(*arguments, "--json").document["errors"][0]["message"]
    assert project.calls == []


def test_a_folder_without_a_project_is_said(
    project: Double, muster: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "muster.yaml").unlink()
    found = muster("plan")
    assert (found.code, project.calls) == (1, [])
    assert "No muster.yaml" in found.err
    assert "muster init" in found.err


def test_half_a_character_does_not_break_the_document(project: Double, muster: Command) -> None:
    project.answers["status"] = {"project": "a\udce9"}
    assert muster("status", "--json").document == {"project": "a\udce9"}


def test_help_and_version_are_exit_0(muster: Command) -> None:
    assert (muster("--help").code, muster("--version").code, muster("plan", "--help").code) == (0, 0, 0)
