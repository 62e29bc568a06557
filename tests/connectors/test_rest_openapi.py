"""What an OpenAPI document proposes is a system file that Muster takes, with what a person must decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from muster.cli.scaffold import STARTER, make_project
from muster.connectors.rest.openapi.document import document
from muster.connectors.rest.openapi.proposing import DECIDE, propose
from muster.connectors.rest.settings import RestObject
from muster.model.errors import ProjectError
from tests.cli.support import inside
from tests.connectors.restapi import Api, Asked, Reply

DESK = Path(__file__).with_name("openapi") / "desk.json"


def proposed(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def test_lists_keys_switches_and_pages_are_found() -> None:
    text = propose(document(DESK.read_bytes(), "https://desk.example/openapi.json"), "desk")
    found = proposed(text)
    assert found["settings"] == {
        "url": "https://desk.example/api/v2",
        "login": {"kind": "header", "name": "X-Api-Key", "key": "${secret:desk}"},
    }
    assert list(found["objects"]) == ["agent"]
    agent = found["objects"]["agent"]
    assert (agent["anchor"], agent["unique"]) == ("id", ["email"])
    assert agent["attributes"] == {
        "id": {"type": "integer", "writable": "never"},
        "email": {"type": "text", "required": True},
        "full name": {"type": "text", "at": '"full name"'},
        "born": "date",
        "roles": ["text"],
        "state": "text",
        "address_city": {"type": "text", "at": "address.city"},
    }
    assert agent["enabled"] == {"column": "state", "on": "active", "off": "suspended"}
    paging = {"by": "page", "parameter": "page", "size": "per_page", "count": 50, "total": "meta.total"}
    assert agent["read"] == {
        "request": "GET /agents",
        "items": "data",
        "paging": paging,
        "changes": {"parameter": "updated_since"},
    }
    assert agent["get"] == {"request": "GET /agents/{anchor}", "record": "agent"}
    assert (agent["create"], agent["sends"], agent["delete"]) == ("POST /agents", "whole", "DELETE /agents/{anchor}")
    RestObject.model_validate(agent)
    for decision in ("what finds an object again", "is a PUT the whole record", "is /agents/{agentId}/teams a list"):
        assert f"{DECIDE} {decision}" in text
    assert "# tickets: left out" in text
    assert "# or: login: {kind: bearer" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"swagger": "2.0"}', r"is Swagger 2\.0, expected OpenAPI 3"),
        (b"{}", "it has no key `openapi`"),
        (b"a: [", "is neither JSON nor YAML"),
        (b'{"openapi": "3.1.0", "paths": {}}', "no list of objects is described there"),
    ],
)
def test_what_is_no_such_document_is_told(text: bytes, said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        propose(document(text, "x.json"), "x")


def test_names_of_the_document_stay_names() -> None:
    nasty = 'a"\n  evil: [1] # {x}'
    properties = {"id": {"type": "string"}, nasty: {"type": "string"}}
    schema = {"type": "array", "items": {"type": "object", "properties": properties}}
    answer = {"200": {"content": {"application/json": {"schema": schema}}}}
    api = {"openapi": "3.1.0", "info": {"title": nasty}, "paths": {"/u": {"get": {"responses": answer}, "post": {}}}}
    found = proposed(propose(document(json.dumps(api).encode(), "x"), "x"))
    assert list(found["objects"]["u"]["attributes"]) == ["id", nasty]
    assert set(found) == {"connector", "settings", "objects"}


class DocumentApi(Api):
    def reply(self, asked: Asked) -> Reply:
        return Reply(200, raw=DESK.read_bytes()) if asked.path == "/openapi.json" else Reply(404)


def test_the_command_writes_a_file_that_passes_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    make_project(STARTER, folder)
    with DocumentApi() as api:
        source = f"{api.url}/openapi.json"
        done = inside("connector", "propose", "--openapi", source, "--name", "desk", folder=folder)
        lost = inside("connector", "propose", "--openapi", f"{api.url}/nothing", "--name", "x", folder=folder)
    assert (done.code, done.out.strip()) == (0, "systems/desk.yaml")
    assert "decisions are left to you" in done.err
    assert inside("check", folder=folder).code == 0
    again = inside("connector", "propose", "--openapi", str(DESK), "--name", "desk", folder=folder)
    assert (again.code, "is there already" in again.err) == (1, True)
    assert (lost.code, "was answered 404" in lost.err) == (1, True)
