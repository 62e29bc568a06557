"""Names and expressions that are wrong: at their line and column inside YAML.

In a file's text, « stands before the character at which the diagnostic is expected.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.support import BASE, MARK, Files, app, assert_said, hr, sql


def group(value: str) -> Files:
    """A mapping that writes groups, with this value."""
    text = "system: app\nobject: account\nidentity: group\noutbound:\n  flows:\n    login: '[displayName]'\n"
    return {"mappings/app-group.yaml": f"{text}    name: {value}\n"}


WRONG: list[tuple[str, Files, str]] = [
    # --- names
    (
        "connector",
        sql("connector: sql", f"connector: {MARK}sqll"),
        "unknown connector `sqll`; known: `active_directory`, `broken`, `flatfile`, `ldap`, `reader`, `scim`, `sql`. "
        "Did you mean `sql`?",
    ),
    (
        "connector that cannot be loaded",
        {"systems/x.yaml": f"connector: {MARK}broken\nobjects: {{a: {{}}}}\n"},
        "The connector 'broken' cannot be loaded: no module named broken",
    ),
    (
        "settings key",
        sql("{url:", f"{{{MARK}uri: x, url:"),
        "unknown key `uri`; known here: `password`, `pool`, `url`. Did you mean `url`?",
    ),
    ("settings value", sql("{url:", f"{{pool: {MARK}0, url:"), "expected a number of at least 1, found 0"),
    ("object key missing", sql("account: {table: account, ", f"{MARK}account: {{"), "the key `table` is missing"),
    (
        "password in clear",
        sql("{url:", f"{{password: {MARK}hunter2, url:"),
        "expected a secret, written ${secret:NAME}; found something else",
    ),
    (
        "secret where none belongs",
        {"systems/hr.yaml": BASE["systems/hr.yaml"].replace("data/workers.csv", f"{MARK}'${{secret:x}}'")},
        "expected a value that is no secret; found ${secret:…}",
    ),
    (
        "secret's name",
        sql("{url:", f"{{password: {MARK}'${{secret:a b}}', url:"),
        "`a b` is no name for a secret: use letters, digits, dots, - and _",
    ),
    ("no objects", {"systems/x.yaml": f"connector: scim\nobjects: {MARK}{{}}\n"}, "no object types: name at least one"),
    (
        "system",
        hr("system: hr", f"system: {MARK}rh"),
        "unknown system `rh`; there is no systems/rh.yaml. Known: `app`, `hr`. Did you mean `hr`?",
    ),
    (
        "object",
        hr("object: worker", f"object: {MARK}workers"),
        "unknown object `workers` of system `hr`; systems/hr.yaml has `worker`. Did you mean `worker`?",
    ),
    (
        "identity",
        hr("identity: person", f"identity: {MARK}Person"),
        "unknown metaverse type `Person`; known: `contact`, `device`, `group`, `org-unit`, `person`. "
        "Did you mean `person`?",
    ),
    (
        "flow's attribute",
        hr("    givenName", f"    {MARK}givenname"),
        "unknown attribute `givenname` of `person`; add it in metaverse.yaml if it is your own. "
        "Did you mean `givenName`?",
    ),
    (
        "join's attribute",
        hr("  - employeeId", f"  - {MARK}employeeID"),
        "unknown attribute `employeeID` of `person`; add it in metaverse.yaml if it is your own. "
        "Did you mean `employeeId`?",
    ),
    (
        "join with many values",
        hr("  - employeeId", f"  - {MARK}otherMails"),
        "`otherMails` has many values, and a join compares one: choose another attribute",
    ),
    (
        "name in an outbound flow",
        app("'[givenName]'", f"'Join(\" \", [givenName], [{MARK}surName])'"),
        "unknown attribute `surName` of `person`. Did you mean `surname`?",
    ),
    (
        "name in provision",
        app("'[active]'", f"'[active] and [{MARK}here]'"),
        "unknown attribute `here` of `person`; add it in metaverse.yaml if it is your own",
    ),
    (
        "name behind a reference",
        app("'[givenName]'", f"'[{MARK}manager.maill]'"),
        "unknown attribute `maill` of `person` or `contact`. Did you mean `manager.mail`?",
    ),
    (
        "values of a large reference",
        group(f"'Count([{MARK}members])'"),
        "`members` is no list of values: `members` may name hundreds of thousands, and goes one by one. Write "
        "`{references: '[members]'}`; if it is short and must be values, let it flow into a reference of your own "
        "besides (metaverse.yaml: `NAME: [reference]`), and read that: `[NAME]`",
    ),
    (
        "path through a large reference",
        group(f"'Join(\",\", [{MARK}members.mail])'"),
        "`members.mail` is no list of values: `members` may name hundreds of thousands, and goes one by one. Write "
        "`{references: '[members]'}`; if it is short and must be values, let it flow into a reference of your own "
        "besides (metaverse.yaml: `NAME: [reference]`), and read that: `[NAME.mail]`",
    ),
    (
        "large reference behind another",
        app("'[givenName]'", f"'[{MARK}memberOf.members.mail]'"),
        "`memberOf.members.mail` is no list of values: `members` may name hundreds of thousands, and goes one by one. "
        "Write `{references: '[members]'}`; if it is short and must be values, let it flow into a reference of your "
        "own besides (metaverse.yaml: `NAME: [reference]`), and read that: `[memberOf.NAME.mail]`",
    ),
    (
        "path through a text",
        app("'[givenName]'", f"'[{MARK}department.name]'"),
        "`department` is no reference, so `department.name` leads nowhere",
    ),
    (
        "writing memberOf",
        hr("    givenName: '[first_name]'", f"    {MARK}memberOf: {{references: '[groups]'}}"),
        "`memberOf` is worked out from the `members` of groups: flow those",
    ),
    (
        "memberOf as references",
        app("'[givenName]'", f"{{references: {MARK}'[memberOf]'}}"),
        "`memberOf` is the reverse of `members`, and nothing can be written from its end: write the `members` of the "
        "groups. As values, the names of the groups are '[memberOf]', without `references`",
    ),
    (
        "reference without one",
        hr("    givenName: '[first_name]'", f"    manager: {MARK}'[boss]'"),
        "`manager` refers to other identities: expected {reference: EXPRESSION}, found a value",
    ),
    (
        "reference to a text",
        hr("givenName: '[first_name]'", f"{MARK}givenName: {{reference: '[first_name]'}}"),
        "`givenName` is text, not a reference; references of `person`: `manager`",
    ),
    (
        "references of one",
        hr("givenName: '[first_name]'", f"manager: {{{MARK}references: '[boss]'}}"),
        "`manager` has one value: write `reference`. Did you mean `reference`?",
    ),
    (
        "reference to an unknown attribute",
        hr("givenName: '[first_name]'", f"manager: {{reference: '[boss]', to: {MARK}person.employeeID}}"),
        "unknown attribute `employeeID` of `person`. Did you mean `person.employeeId`?",
    ),
    (
        "reference to a type",
        hr("givenName: '[first_name]'", f"manager: {{reference: '[boss]', to: {MARK}person}}"),
        "`to: person` leads nowhere: expected an identity attribute such as person.employeeId, an object of system "
        "`hr` (`worker`), or system/object. Did you mean `person.employeeId`?",
    ),
    (
        "reference to another system",
        hr("givenName: '[first_name]'", f"manager: {{reference: '[boss]', to: {MARK}hrr/worker}}"),
        "unknown system `hrr`; known: `app`, `hr`. Did you mean `hr/worker`?",
    ),
    (
        "reference to the wrong type",
        hr("givenName: '[first_name]'", f"manager: {{reference: '[boss]', to: {MARK}group.mail}}"),
        "`manager` leads to `contact`, `person`, not to `group`",
    ),
    (
        "outbound reference that is none",
        app("'[givenName]'", f"{{reference: {MARK}'[department]'}}"),
        "`department` is text, not a reference; references of `person`: `manager`",
    ),
    (
        "outbound reference that is computed",
        app("'[givenName]'", f"{{reference: {MARK}'ToLower([manager])'}}"),
        "expected a reference of the identity, such as '[manager]'",
    ),
    # --- expressions, at their line and column inside YAML
    (
        "function in single quotes",
        app("'[givenName]'", f"'Join(\"it''s\", {MARK}ToLowr([givenName]))'"),
        "there is no function ToLowr. Did you mean `ToLower`?",
    ),
    (
        "function in double quotes",
        app("'[givenName]'", f'"Join(\\"a\\", {MARK}ToLowr([givenName]))"'),
        "there is no function ToLowr. Did you mean `ToLower`?",
    ),
    (
        "function in a literal block",
        app("'[givenName]'", f'|\n      Join(" ",\n        {MARK}ToLowr([givenName]))'),
        "there is no function ToLowr. Did you mean `ToLower`?",
    ),
    (
        "function in a folded block",
        app("'[givenName]'", f'>-\n      Join(" ", [givenName],\n      {MARK}ToLowr([givenName]))'),
        "there is no function ToLowr. Did you mean `ToLower`?",
    ),
    (
        "function unquoted",
        app("'[givenName]'", f"{MARK}ToLowr([givenName])"),
        "there is no function ToLowr. Did you mean `ToLower`?",
    ),
    (
        "function in an alternative",
        hr("'[first_name]'", f"\n      - when: '{MARK}IsPresnt([a])'\n        value: '[a]'\n      - value: '[b]'"),
        "there is no function IsPresnt. Did you mean `IsPresent`?",
    ),
    (
        "operator of a filter",
        hr("join:", f"scope:\n  filters:\n    - - {{attribute: a, operator: {MARK}EQALS, value: x}}\njoin:"),
        "there is no operator EQALS. Did you mean `EQUALS`?",
    ),
    (
        "scope expression",
        hr("join:", f"scope: '[status] <> {MARK}Emty()'\njoin:"),
        "there is no function Emty. Did you mean `IsEmpty`?",
    ),
    (
        "unique inbound",
        hr("'[first_name]'", f"{MARK}'SelectUniqueValue([a], [b])'"),
        "SelectUniqueValue stands only in outbound flows and in `computed` values of metaverse.yaml: a name is given "
        "out once, when it is needed",
    ),
    (
        "unique inside",
        app("'[givenName]'", f"'ToLower({MARK}SelectUniqueValue([givenName], [surname]))'"),
        "SelectUniqueValue must be the outermost function; nothing may stand around it",
    ),
]


@pytest.mark.parametrize(("files", "message"), [pytest.param(*case[1:], id=case[0]) for case in WRONG])
def test_said_where_and_in_which_words(tmp_path: Path, files: Files, message: str) -> None:
    assert_said(tmp_path, files, message)
