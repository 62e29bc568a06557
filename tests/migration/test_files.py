"""The text of the files: what a person would write, and what is read back is what was meant."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from muster.migration.metaverse import with_names
from muster.migration.outcome import Draft, NotCarried
from muster.migration.rendering import render
from tests.migration.support import imported


def read(text: str) -> Any:
    return YAML(typ="safe").load(text)


SECOND = [{"attribute": "b: c", "operator": "EQUALS", "value": "x, y"}, {"attribute": "d", "operator": "IS TRUE"}]
LONG = "IIF(" + " && ".join(f'([attribute{n}] = "a value  of {n}")' for n in range(9)) + ", True, NULL)"


@pytest.mark.parametrize(
    "content",
    [
        {"system": "crm", "scope": {"filters": [[{"attribute": "a", "operator": "IS NULL"}], SECOND]}},
        {"join": [{"a": "[b]"}, {"a": "[b]", "c": "ToLower([d])"}], "project": True},
        {"outbound": {"flows": {'emails[type eq "work"].value': "[mail]", "on": "'one' \"two\" # not: a comment"}}},
        {"outbound": {"flows": {"a": {"value": LONG, "enforce": "once"}, "b": LONG, "c": "[m]" * 60}}},
        {"inbound": {"flows": {"d": [{"when": LONG, "value": "1"}, {"value": "true", "precedence": 12}]}}},
        {"inbound": {"flows": {"d": {"merge": "union", "value": [{"value": "[a]"}, {"value": "[b]"}]}}}},
    ],
)  # fmt: skip
def test_what_is_written_is_read_back(content: dict[str, Any]) -> None:
    text = render(Draft("x", "A head.", content))
    assert read(text) == content
    assert all(len(line) <= 120 for line in text.splitlines() if "[m][m]" not in line)


def test_the_whole_file_is_one_that_a_person_would_write() -> None:
    found = next(one for one in imported("entra-to-scim", system="crm").drafts if one.name == "crm-user")
    assert render(found).splitlines()[:20] == [
        "# yaml-language-server: $schema=../.muster/schemas/mapping.json",
        "# From Microsoft Entra: user → user. Names on the left are crm's.",
        "system: crm",
        "object: user",
        "identity: person",
        "",
        "join:",
        "  - userPrincipalName: '[userName]'",
        "  - mailNickname: '[externalId]'",
        "",
        "outbound:",
        "  provision: >-",
        '    [active] and (([department] = "Sales" and IsPresent([userPrincipalName]) and '
        "Not(IsMatch([userPrincipalName],",
        '    "^adm-.*"))) or IsPresent([extensionAttribute1]))',
        "  deprovision: disable  # what active by IsSoftDeleted did",
        "  flows:",
        "    externalId: '[mailNickname]'",
        "    userName: '[userPrincipalName]'",
        "    displayName: '[displayName]'",
        "    name.givenName: '[givenName]'",
    ]


def test_names_are_added_to_metaverse_yaml_and_nothing_else_changes() -> None:
    old = "# ours\nperson:\n  computed:\n    login: 'ToLower([mail])'   # given out once\n    code: '[x]'\n"
    new = with_names(old, {"person": {"x": "text", "many": ["text"], "code": "text"}, "group": {"y": "boolean"}}, {})
    assert new is not None
    assert "    login: 'ToLower([mail])'   # given out once\n" in new
    assert read(new) == {
        "person": {
            "attributes": {"x": "text", "many": ["text"]},
            "computed": {"login": "ToLower([mail])", "code": "[x]"},
        },
        "group": {"attributes": {"y": "boolean"}},
    }
    assert with_names(new, {"person": {"x": "integer"}}, {"person": {"login": "other"}}) is None


def test_a_project_without_metaverse_yaml_gets_one() -> None:
    new = with_names(None, {"person": {"x": "text"}}, {"person": {"y": "ToLower([x])"}})
    assert new is not None
    assert new.startswith("# yaml-language-server: $schema=.muster/schemas/metaverse.json\n")
    assert read(new) == {"person": {"attributes": {"x": "text"}, "computed": {"y": "ToLower([x])"}}}


def test_what_has_one_cause_is_said_once() -> None:
    found = imported("entra-to-scim", system="crm")
    found.left = [NotCarried("a", "why", "do"), NotCarried("b", "other", "do"), NotCarried("c", "why", "do")]
    assert found.grouped() == [NotCarried("a; c", "why", "do"), NotCarried("b", "other", "do")]
