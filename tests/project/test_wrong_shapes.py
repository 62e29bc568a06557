"""Files of the wrong shape: exactly which file, line and column, and in which words.

In a file's text, « stands before the character at which the diagnostic is expected.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.support import BASE, MARK, Files, app, assert_said, hr

WRONG: list[tuple[str, Files, str]] = [
    # --- the file itself
    ("empty", {"systems/x.yaml": f"{MARK}"}, "the file is empty: expected keys, such as `key: value`"),
    ("list", {"systems/x.yaml": f"# list\n{MARK}- a\n"}, "expected keys, such as `key: value`; found a list"),
    ("text", {"systems/x.yaml": f"{MARK}a text\n"}, "expected keys, such as `key: value`; found a text"),
    ("syntax", {"systems/x.yaml": f"a:\n{MARK}\t- b\n"}, "a tab cannot indent: use spaces"),
    ("twice", hr("project: true", f"project: true\n{MARK}object: x"), "the key `object` stands twice; first in line 2"),
    # --- keys and kinds of value
    (
        "unknown key",
        hr("project: true", f"{MARK}projekt: true"),
        "unknown key `projekt`; known here: `account`, `deleted elsewhere`, `dialect`, `identity`, `inbound`, `join`, "
        "`object`, `outbound`, `primary`, `project`, `protect`, `scope`, `several`, `system`, `unmanaged`, `was`. "
        "Did you mean `project`?",
    ),
    (
        "unknown key by punctuation",
        app("outbound:", f"{MARK}deleted_elsewhere: report\noutbound:"),
        "unknown key `deleted_elsewhere`; known here: `account`, `deleted elsewhere`, `dialect`, `identity`, "
        "`inbound`, `join`, `object`, `outbound`, `primary`, `project`, `protect`, `scope`, `several`, `system`, "
        "`unmanaged`, `was`. Did you mean `deleted elsewhere`?",
    ),
    (
        "unknown key in a flow",
        app("'[givenName]'", f"{{value: '[givenName]', {MARK}inforce: once}}"),
        "unknown key `inforce`; known here: `default`, `enforce`, `reference`, `references`, `unique`, `value`, "
        "`when`. Did you mean `enforce`?",
    ),
    ("missing key", hr("system: hr\nobject", f"{MARK}object"), "the key `system` is missing"),
    (
        "a number for a text",
        {"muster.yaml": f"project: {MARK}2024\n"},
        "expected a text, found the number 2024: put it in quotes",
    ),
    (
        "text for a number",
        hr("precedence: 10", f"precedence: {MARK}ten"),
        "expected a whole number; found `ten`",
    ),
    (
        "too small",
        hr("precedence: 10", f"precedence: {MARK}-1"),
        "expected a number of at least 0, found -1",
    ),
    ("text for true", hr("project: true", f"project: {MARK}yes"), "expected true or false; found `yes`"),
    (
        "more than all",
        {"muster.yaml": f"project: acme\nsafety: {{percent: {MARK}120}}\n"},
        "expected a number of at most 100, found 120",
    ),
    (
        "a store of a kind that cannot be",
        {"muster.yaml": f"project: acme\nstore: {MARK}mysql://root:hidden@db/muster\n"},
        "expected `sqlite:///.muster/state.db` (a file) or `postgresql://USER@HOST/NAME`, found `mysql:…`",
    ),
    (
        "a mistyped store",
        {"muster.yaml": f"project: acme\nstore: {MARK}postgres://muster@db/muster\n"},
        "expected `sqlite:///.muster/state.db` (a file) or `postgresql://USER@HOST/NAME`, found `postgres:…`. "
        "Did you mean `postgresql`?",
    ),
    (
        "a store in a host instead of a file",
        {"muster.yaml": f"project: acme\nstore: {MARK}sqlite://state.db\n"},
        "expected `sqlite:///.muster/state.db` (a file) or `postgresql://USER@HOST/NAME`, found `sqlite:…`",
    ),
    (
        "a store that is no URL",
        {"muster.yaml": f"project: acme\nstore: {MARK}state.db\n"},
        "expected `sqlite:///.muster/state.db` (a file) or `postgresql://USER@HOST/NAME`, found no URL",
    ),
    (
        "duration",
        {"muster.yaml": f"project: acme\nschedule: {MARK}every 30 min\n"},
        "expected an interval such as `every 30 minutes` or `every hour`, found `every 30 min`",
    ),
    (
        "duration without a unit",
        app("'[active]'", f"'[active]'\n  deprovision: {{do: delete, after: {MARK}30}}"),
        "expected a duration such as `30 days`, `2 hours` or `5 minutes`, found the number 30 without a unit",
    ),
    (
        "step",
        app("'[active]'", f"'[active]'\n  deprovision: {MARK}disabel"),
        "expected one of `disable`, `move`, `clear groups`, `delete`, `leave`; found `disabel`. "
        "Did you mean `disable`?",
    ),
    (
        "step in a list",
        app("'[active]'", f"'[active]'\n  deprovision:\n    - disable\n    - {{after: 3 days, do: {MARK}remove}}"),
        "expected one of `disable`, `move`, `clear groups`, `delete`, `leave`; found `remove`. Did you mean `move`?",
    ),
    (
        "move to nowhere",
        app("'[active]'", f"'[active]'\n  deprovision: {MARK}{{do: move}}"),
        "`move` needs `to`, an expression for the new place",
    ),
    (
        "after delete",
        app("'[active]'", f"'[active]'\n  deprovision:\n    - delete\n    - {MARK}disable"),
        "`disable` comes after `delete`, when nothing is left",
    ),
    (
        "enforce",
        app("'[givenName]'", f"{{value: '[givenName]', enforce: {MARK}Once}}"),
        "expected one of `always`, `change`, `once`, `default`, `add`; found `Once`. Did you mean `once`?",
    ),
    (
        "merge name",
        hr("'[first_name]'", f"{{value: '[first_name]', merge: {MARK}unoin}}"),
        "expected one of `first`, `union`, `any`, `all`, `max`, `min`; found `unoin`. Did you mean `union`?",
    ),
    (
        "unmanaged",
        app("outbound:", f"unmanaged: {MARK}remove\noutbound:"),
        "expected one of `report`, `disable`, `delete`; found `remove`",
    ),
    (
        "both places",
        {
            "mappings/app-account.yaml": MARK
            + BASE["mappings/app-account.yaml"].replace(
                "outbound:", "unmanaged: delete\noutbound:\n  unmanaged: delete"
            )
        },
        "`unmanaged` stands both here and under `outbound`: keep one",
    ),
    (
        "dialect",
        hr("join:", f"dialect: {MARK}azure\njoin:"),
        "expected one of `entra`, `connect`, `mim`; found `azure`",
    ),
    (
        "merge outbound",
        app("'[givenName]'", f"{MARK}{{value: '[givenName]', merge: any}}"),
        "`merge` belongs to inbound flows: one mapping writes an attribute. To add values and never take any away, say "
        "`enforce: add`",
    ),
    (
        "enforce inbound",
        hr("'[first_name]'", f"{MARK}{{value: '[first_name]', enforce: once}}"),
        "`enforce` belongs to outbound flows and computed values",
    ),
    (
        "an expression as a YAML list",
        app("'[givenName]'", f"{MARK}[givenName]"),
        "expected an expression, found a list: [ ] means a list in YAML, so quote the expression: '[givenName]'",
    ),
    (
        "a join as a YAML list",
        hr("'[employee_id]'\nproject", f"{MARK}[employee_id]\nproject"),
        "expected an expression, found a list: [ ] means a list in YAML, so quote the expression: '[employee_id]'",
    ),
    ("no expression", app("name: '[givenName]'", f"{MARK}name:"), "expected an expression, found nothing"),
    (
        "value and reference",
        app("'[givenName]'", f"{MARK}{{value: '[givenName]', reference: '[manager]'}}"),
        "expected one of `value`, `reference` or `references`, found `value` and `reference`",
    ),
    (
        "join without a list",
        hr("  - employeeId: '[employee_id]'\nproject", f"  {MARK}employeeId: '[employee_id]'\nproject"),
        "expected a list: each item in a line of its own, after `- `; found keys",
    ),
    (
        "scope with two forms",
        hr("join:", f"scope: {MARK}{{rule: \"a eq 'b'\", filters: []}}\njoin:"),
        "expected one of `filters`, `connect`, `rule` or `expression`, found `filters` and `rule`",
    ),
    (
        "primary alone",
        {"mappings/hr-worker.yaml": MARK + BASE["mappings/hr-worker.yaml"] + "primary: '[main]'\n"},
        "`primary` chooses among several objects: it needs `several: true`",
    ),
]


@pytest.mark.parametrize(("files", "message"), [pytest.param(*case[1:], id=case[0]) for case in WRONG])
def test_said_where_and_in_which_words(tmp_path: Path, files: Files, message: str) -> None:
    assert_said(tmp_path, files, message)
