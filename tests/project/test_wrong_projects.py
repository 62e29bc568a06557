"""Files that contradict each other, or ask for what cannot be.

In a file's text, « stands before the character at which the diagnostic is expected.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.support import BASE, MARK, Files, app, assert_said, hr, sql

WRONG: list[tuple[str, Files, str]] = [
    # --- the metaverse
    (
        "type of an attribute",
        {"metaverse.yaml": f"person: {{attributes: {{costCentre: {MARK}string}}}}\n"},
        "expected one of `text`, `integer`, `decimal`, `boolean`, `datetime`, `date`, `binary`, `reference`; "
        "found `string`",
    ),
    (
        "built in",
        {"metaverse.yaml": f"person: {{attributes: {{otherMails: {MARK}text}}}}\n"},
        "`otherMails` is built in as [text]: leave it out or rename yours",
    ),
    (
        "circle",
        {"metaverse.yaml": f"person:\n  computed:\n    z: '[a]'\n    {MARK}a: '[b]'\n    b: '[z]'\n"},
        "a computed value must not need itself: a → b → z → a",
    ),
    (
        "circle of one",
        {"metaverse.yaml": f"person:\n  computed:\n    {MARK}login: 'ToLower([login])'\n"},
        "a computed value must not need itself: login → login",
    ),
    (
        "computed of an unknown",
        {"metaverse.yaml": f"person: {{computed: {{login: '[{MARK}givenname]'}}}}\n"},
        "unknown attribute `givenname` of `person`. Did you mean `givenName`?",
    ),
    # --- mappings against each other and against what a system can do
    (
        "equal precedence",
        {
            "mappings/b-hr.yaml": BASE["mappings/hr-worker.yaml"]
            .replace("precedence: 10", "precedence: 20")
            .replace("'[first_name]'", "{value: '[x]', precedence: 10}")
            .replace("    givenName", "    givenName"),
            **hr("    givenName", f"    {MARK}givenName"),
        },
        "`givenName` of `person` has precedence 10 here (`hr-worker`) and in mappings/b-hr.yaml:11 (`b-hr`): nobody "
        "could say which wins. Give one of them another precedence, or `merge`",
    ),
    (
        "two writers",
        {"mappings/second.yaml": BASE["mappings/app-account.yaml"].replace("outbound:", f"{MARK}outbound:")},
        "`second` and `app-account` (mappings/app-account.yaml:4) both provision the main account of a `person` "
        "as `account` of `app`: name another `account`",
    ),
    (
        "a connector that only reads",
        {
            "systems/ro.yaml": "connector: reader\nobjects: {user: {}}\n",
            "mappings/ro.yaml": f"system: ro\nobject: user\nidentity: person\n{MARK}outbound: {{password: generate}}\n",
        },
        "the connector `reader` of system `ro` only reads: nothing can be written there",
    ),
    (
        "disable that cannot be",
        {
            **sql(", enabled: active", ""),
            **app("'[active]'", f"'[active]'\n  deprovision: [{MARK}disable, {{after: 3 days, do: delete}}]"),
        },
        "cannot disable: `account` has no `enabled` in systems/app.yaml. Name its switch there, or say "
        "`deprovision: delete` or `leave`",
    ),
    (
        "disable by default that cannot be",
        {**sql(", enabled: active", ""), **app("  provision", f"  {MARK}provision")},
        "would disable (the default): `account` has no `enabled` in systems/app.yaml. Name its switch there, or say "
        "`deprovision: delete` or `leave`",
    ),
    (
        "was, and is",
        app("outbound:", f"was: {MARK}hr-worker\noutbound:"),
        "`was: hr-worker` names a mapping that is still there: mappings/hr-worker.yaml",
    ),
    # --- roles and workflows
    (
        "role's condition",
        {"roles/a.yaml": f"role: a\nwhen: '[{MARK}Department] = \"Sales\"'\n"},
        "unknown attribute `Department` of `person`. Did you mean `department`?",
    ),
    (
        "role's account",
        {"roles/a.yaml": f"role: a\ngrants:\n  - account: {MARK}app-acount\n"},
        "unknown mapping `app-acount`; known: `app-account`, `hr-worker`. Did you mean `app-account`?",
    ),
    (
        "workflow's rule",
        {"workflows/a.yaml": f"workflow: A\ncategory: leaver\nscope: {MARK}{{rule: \"dept eq 'x'\"}}\ntasks: []\n"},
        "unknown attribute `dept` of `person`; add it in metaverse.yaml if it is your own",
    ),
    (
        "task",
        {"workflows/a.yaml": f"workflow: A\ncategory: leaver\ntasks:\n  - {MARK}{{a: {{}}, b: {{}}}}\n"},
        "expected one task (`- send email: {…}`), found 2 keys",
    ),
    # --- the folder
    ("yml", {"systems/x.yml": ""}, "not read: the name must end in `.yaml`. Did you mean `x.yaml`?"),
    ("folder in a folder", {"systems/more/x.yaml": ""}, "folders inside systems/ are not read: move its files up"),
    # --- extensions
    (
        "extension's syntax",
        {"extensions/a.py": "def f(:\n"},
        "SyntaxError: invalid syntax",
    ),
    (
        "extension's fault",
        {"extensions/a.py": f"x = 1\n{MARK}y = z\n"},
        "NameError: name 'z' is not defined",
    ),
]


@pytest.mark.parametrize(("files", "message"), [pytest.param(*case[1:], id=case[0]) for case in WRONG])
def test_said_where_and_in_which_words(tmp_path: Path, files: Files, message: str) -> None:
    assert_said(tmp_path, files, message)
