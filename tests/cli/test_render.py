"""What people read: the documents as text."""

import io
from typing import Any

import pytest
from rich.console import Console

from muster.cli import exitcodes
from muster.cli.render.changes import MOST, name_of
from muster.cli.render.explain import render_explain
from muster.cli.render.log import render_log
from muster.cli.render.plan import render_plan, render_result
from muster.cli.render.problems import FEW
from muster.cli.render.status import render_status
from muster.cli.render.tables import table
from muster.cli.render.words import safe, value
from muster.cli.streams import THEME


class Page:
    """A console that keeps what is printed."""

    def __init__(self, *, terminal: bool = False) -> None:
        self._file = io.StringIO()
        self.console = Console(
            file=self._file,
            theme=THEME,
            highlight=False,
            markup=False,
            width=500,
            force_terminal=terminal,
            soft_wrap=True,
        )

    @property
    def text(self) -> str:
        return self._file.getvalue()


def change(action: str = "update", anchor: str | None = "a.b", system: str = "app", **more: Any) -> dict[str, Any]:
    return {"system": system, "object_type": "account", "action": action, "anchor": anchor, "identity": 1, **more}


def shown(document: dict[str, Any], *, everything: bool = False) -> str:
    page = Page()
    render_plan(document, page.console, everything=everything)
    return page.text


def test_each_action_has_its_sign_and_what_takes_away_comes_first() -> None:
    text = shown({"changes": [change("create"), change("update"), change("disable"), change("delete")]})
    signs = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and "account a.b" in line]
    assert signs == ["x", "-", "~", "+"]


def test_what_is_restored_is_shown_as_that_with_what_it_lacks() -> None:
    attributes = {"title": {"from": "Boss", "to": "Chair"}}
    text = shown({"changes": [change("create", restores="a.b", attributes=attributes)]})
    assert "+ restore account a.b" in text
    assert "title  Boss → Chair" in text


def test_an_update_shows_from_and_to_and_marks_drift() -> None:
    attributes = {
        "department": {"from": "Sales", "to": "Käse & Co"},
        "title": {"from": "Boss", "to": None, "drift": True},
        "groups": {"add": ["a", "b"], "remove": ["c"]},
    }
    reason = {"mapping": "app-account", "line": 31, "rule": "department", "source": "hr/worker 7"}
    text = shown({"changes": [change(attributes=attributes, reason=reason)]})
    assert "Sales → Käse & Co" in text
    assert "Boss → nothing  drift" in text
    assert "+ a, b  - c" in text
    assert "hr/worker 7 · mappings/app-account.yaml:31" in text


def test_a_create_is_one_line_until_everything_is_asked_for() -> None:
    attributes = {f"a{number}": {"from": None, "to": f"v{number}"} for number in range(9)}
    document = {"changes": [change("create", attributes=attributes)]}
    assert "a0 v0, a1 v1, a2 v2, a3 v3, 5 more" in shown(document)
    assert sum("v8" in line for line in shown(document, everything=True).splitlines()) == 1


def test_a_system_takes_a_screenful_and_says_what_is_left_out() -> None:
    changes = [change("create", f"n{number}") for number in range(MOST + 980)] + [change("delete", system="crm")]
    text = shown({"changes": changes})
    assert "… and 980 more (980 create); --all or --json shows them" in text
    assert text.count("+ create") == MOST
    assert "crm  1 change" in text
    assert shown({"changes": changes}, everything=True).count("+ create") == MOST + 980


def test_the_summary_counts_by_system_and_together() -> None:
    summary = {"app": {"create": 1200, "update": 0, "disable": 1, "delete": 0}, "crm": {"create": 3}}
    lines = [line.split() for line in shown({"changes": [change()], "summary": summary}).splitlines()]
    assert ["system", "create", "update", "disable", "delete"] in lines
    assert ["app", "1,200", "·", "1", "·"] in lines
    assert ["together", "1,203", "·", "1", "·"] in lines


def test_nothing_to_change_is_said() -> None:
    assert "every system is as it should be" in shown({"changes": []})
    assert "every system is as it should be" not in shown({"changes": [], "held": [{"kind": "limit"}]})
    page = Page()
    render_plan({"changes": []}, page.console, everything=False, about=" for ada in app")
    assert page.text == "Nothing to change for ada in app.\n"


def test_names_stay_whole_and_nothing_steers_the_terminal() -> None:
    assert safe("Ó Súilleabháin 陽菜 علی می\u200cخواهم") == "Ó Súilleabháin 陽菜 علی می\u200cخواهم"
    assert safe("a\x1b[31mb\u202ec\nd") == "a\ufffd[31mb\ufffdc↵d"
    assert "\x1b" not in shown({"changes": [change(anchor="\x1b]0;owned\x07", attributes={"x\x1b": {"to": "\x1b"}})]})


def test_secrets_by_name_are_stars() -> None:
    assert value("hunter2", "userPassword") == "***"
    assert "hunter2" not in shown({"changes": [change("create", attributes={"unicodePwd": {"to": "hunter2"}})]})


def test_colours_are_for_terminals() -> None:
    document = {"changes": [change("delete")], "summary": {"app": {"delete": 1}}}
    plain, coloured = Page(), Page(terminal=True)
    render_plan(document, plain.console, everything=False)
    render_plan(document, coloured.console, everything=False)
    assert "\x1b" not in plain.text
    assert "\x1b" in coloured.text


def test_a_result_shows_what_was_not_done() -> None:
    changes = [change(outcome="done"), change(anchor="c.d", outcome="rejected", message="too long")]
    page = Page()
    render_result({"changes": changes, "summary": {"app": {"update": 1}}}, page.console, everything=False)
    assert "c.d" in page.text
    assert "rejected: too long" in page.text
    assert "a.b" not in page.text
    assert "Done: 1 change." in page.text


def test_a_result_of_which_only_some_is_told_counts_all_of_it() -> None:
    changes = [change(anchor=f"n{number}", outcome="failed", message="too long") for number in range(MOST)]
    document = {"changes": changes, "failed": {"app": 70}, "summary": {"app": {"create": 1_000_000}}}
    page = Page()
    render_result(document, page.console, everything=False)
    assert f"and {70 - MOST} more of app that were not made; --all or --json shows them" in page.text
    assert "Done: 1,000,000 changes." in page.text


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "Nothing was left to do: every system is as it should be.\n"),
        ({"plan": 3}, "Nothing was left to do of plan 3. What is due now: muster plan\n"),
        ({"plan": 3, "pending": 2}, "Nothing was changed.\n2 changes not made. Next: muster plan\n"),
        ({"plan": 3, "pending": 2, "held": [{}]}, "Nothing was changed.\n"),
        ({"pending": 1}, "Nothing was changed.\n1 change not made. Next: muster plan\n"),
        ({"plan": 3, "stale": [{}]}, "Nothing was changed.\n"),
        (
            {"plan": 3, "notes": [{"message": "done"}]},
            "Nothing was left to do of plan 3. What is due now: muster plan\n\nnote: done\n",
        ),
    ],
)
def test_a_result_says_that_all_is_well_only_when_it_is(document: dict[str, Any], said: str) -> None:
    page = Page()
    render_result(document, page.console, everything=False)
    assert page.text == said


def test_a_create_without_an_anchor_says_whose_it_is() -> None:
    assert "+ create  user of Zoë Núñez" in shown(
        {"changes": [{**change("create", ""), "object_type": "user", "name": "Zoë Núñez"}]}
    )


@pytest.mark.parametrize(
    ("anchor", "name", "said"),
    [
        ("3cac145decaa4202", "Zoë Núñez", "user 3cac145decaa4202 of Zoë Núñez"),
        ("1003", "Zoë Núñez", "user 1003 of Zoë Núñez"),
        ("zoe.nunez2", "Zoë Núñez", "user zoe.nunez2"),
        ("uid=nunez,ou=people", "ZOË NÚÑEZ", "user uid=nunez,ou=people"),
        ("li.wei", "李伟", "user li.wei of 李伟"),
        ("", "", "user (new)"),
    ],
)
def test_a_change_says_whose_object_it_is_where_the_anchor_does_not(anchor: str, name: str, said: str) -> None:
    assert name_of({"object_type": "user", "anchor": anchor, "name": name}) == said


def test_a_run_in_the_log_says_of_each_step_what_it_counted() -> None:
    step = {"name": "import", "system": "hr", "seconds": 1.5, "counts": {"full": True, "read": 1200, "gone": 0}}
    problems = [{"level": "note", "kind": "k", "message": "so"}, {"level": "held", "kind": "h", "message": "wait"}]
    page = Page()
    render_log({"runs": [{"id": 3, "verb": "run", "steps": [step], "problems": problems}]}, page.console, steps=True)
    assert "hr      1.50 s  full, read 1,200" in page.text
    assert page.text.index("h · wait") < page.text.index("k · so")


def test_tables_count_wide_letters_as_two() -> None:
    page = Page()
    table(["name", "n"], [["陽菜", 1], ["abcd", 22]], page.console)
    assert page.text.splitlines()[1:] == ["  陽菜   1", "  abcd  22"]


def test_explain_shows_file_line_expression_and_who_wins() -> None:
    flows = [
        {"file": "mappings/hr.yaml", "line": 12, "expression": "[dept]", "value": "IT", "precedence": 10, "wins": True,
         "source": {"system": "hr", "object": "worker", "anchor": "7", "values": {"dept": "IT"}}},
        {"file": "mappings/agency.yaml", "line": 9, "expression": "[team]", "value": "Ops", "precedence": 20,
         "wins": False},
    ]  # fmt: skip
    manager = {"attribute": "manager", "value": None, "waits": [{"identity": "a1", "name": "Ada"}]}
    page = Page()
    render_explain(
        {
            "identity": 5,
            "type": "person",
            "name": "Zoë",
            "attributes": [{"name": "department", "value": "IT", "flows": flows}],
            "systems": [{"system": "app", "object_type": "account", "flows": [manager]}],
        },
        page.console,
    )
    assert "waits for Ada (a1)" in page.text
    assert "department IT" in page.text
    assert "← mappings/hr.yaml:12  [dept]  precedence 10" in page.text
    assert "from hr/worker 7 (dept IT)" in page.text
    assert "mappings/agency.yaml:9  [team]  would be Ops  precedence 20" in page.text


def test_explain_says_what_becomes_of_a_leaver() -> None:
    step = {"do": "delete", "at": "2026-12-24T08:00:00.123456Z", "due": False, "file": "mappings/app.yaml", "line": 15}
    done = {**step, "do": "disable", "at": "2026-11-24T08:00:00Z", "due": True}
    system = {"system": "app", "object_type": "account", "anchor": "a.b", "wanted": False, "deprovision": [done, step]}
    gone = {"system": "crm", "object_type": "user", "wanted": False, "flows": [{"attribute": "mail", "value": "x@y"}]}
    hold = {"kind": "disabled", "by": "sec@x", "why": "lost phone", "mapping": "app", "until": "2027-01-01T00:00:00Z"}
    page = Page()
    render_explain({"leaving": True, "holds": [hold], "systems": [{**system, "since": done["at"]}, gone]}, page.console)
    assert "leaving: no source knows this identity any more" in page.text
    assert "hold: disabled in app, by sec@x: lost phone, until 2027-01-01T00:00:00Z" in page.text
    assert "app/account  a.b  not wanted since 2026-11-24T08:00:00Z" in page.text
    assert "disable since 2026-11-24T08:00:00Z  mappings/app.yaml:15" in page.text
    assert "delete on 2026-12-24T08:00:00Z  mappings/app.yaml:15" in page.text
    assert "x@y" not in page.text


def test_status_counts_who_is_leaving_and_tells_what_is_held_wrong_and_worth_knowing() -> None:
    entry = {"kind": "k", "system": "app", "message": "app: so it is"}
    notes = [{**entry, "message": f"app: note {number}"} for number in range(FEW + 2)]
    page = Page()
    document = {"leaving": 3, "held": [entry], "errors": [entry], "notes": notes}
    render_status(document, page.console, everything=False)
    assert "leaving     3 that no source knows any more" in page.text
    assert page.text.count("k · app: so it is") == 2
    assert f"note {FEW - 1}" in page.text
    assert f"note {FEW}" not in page.text
    assert "note: … and 2 more of this kind (k); --all shows them" in page.text


@pytest.mark.parametrize("document", [{}, {"systems": [{}], "cases": [{}], "unmanaged": [{}], "last_run": {}}])
def test_documents_with_little_in_them_are_shown_all_the_same(document: dict[str, Any]) -> None:
    page = Page()
    render_status(document, page.console, everything=False)
    render_log({"runs": [document]}, page.console, steps=True)
    render_explain(document, page.console)
    render_plan({"changes": [{}], **document}, page.console, everything=True)
    assert page.text


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({"verb": "plan", "state": "done", "summary": {"app": {"create": 2, "update": 0}}}, "2 create planned"),
        ({"verb": "plan", "state": "done", "summary": {}}, "none planned"),
        (
            {"verb": "run", "state": "running", "summary": {"app": {"create": 2}, "crm": {"create": 1}}},
            "3 create so far",
        ),
        ({"verb": "run", "state": "killed", "summary": {"app": {"create": 2, "disable": 1}}}, "2 create, 1 disable"),
        ({"verb": "run", "state": "done", "summary": {}}, "none"),
    ],
)
def test_the_log_says_what_a_run_wrote_and_what_a_plan_showed(run: dict[str, Any], said: str) -> None:
    page = Page()
    render_log({"runs": [run]}, page.console, steps=False)
    assert f" {said} " in page.text
    assert "so far" in said or "so far" not in page.text


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({}, 0),
        ({"changes": [{}]}, 2),
        ({"changes": [{}], "errors": [{}]}, 1),
        ({"changes": [{}], "errors": [{}], "held": [{}]}, 3),
    ],
)
def test_the_exit_code_of_a_plan(document: dict[str, Any], code: int) -> None:
    assert exitcodes.of_plan(document) == code


@pytest.mark.parametrize(
    ("document", "code"),
    [({"changes": [{}]}, 0), ({"stale": [{}]}, 1), ({"errors": [{}]}, 1), ({"errors": [{}], "held": [{}]}, 3)],
)
def test_the_exit_code_of_what_was_done(document: dict[str, Any], code: int) -> None:
    assert exitcodes.of_result(document) == code
