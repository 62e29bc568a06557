"""A SCIM app that fails in every way it can, and what a run leaves of it: nobody twice, nobody lost, everybody told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from muster.cli.scaffold import STARTER, make_project
from tests.cli.support import Answer, inside
from tests.connectors.between import Between
from tests.connectors.restapi import Asked, Reply, dropped, page
from tests.servers.scim import ScimServer

NOW = "2026-03-01T09:00:00Z"
SYSTEM = """\
connector: scim
settings: {{url: '{url}/v2', token: '${{secret:CRM}}', timeout: 5{more}}}
objects: {{user: {{resource: User}}}}
"""
MAPPING = """\
system: crm
object: user
identity: person
join:
  - employeeId: '[externalId]'
outbound:
  provision: '[active]'
  deprovision: disable
  flows:
    userName: '[login]'
    externalId: '[employeeId]'
    displayName: '[displayName]'
    enterprise.manager: {reference: '[manager]'}
"""


def users(app: Between) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = app.forward(Asked("GET", "/v2/Users", {"count": "100"}, {}, b"")).body["Resources"]
    return found


def half(app: Between) -> Callable[[Asked, Callable[[], Reply]], None]:
    """The first operations of a bulk are done, then the connection is lost."""

    def fault(asked: Asked, _do: Callable[[], Reply]) -> None:
        body = {**asked.json, "Operations": asked.json["Operations"][:2]}
        app.forward(Asked("POST", "/v2/Bulk", {}, asked.headers, json.dumps(body).encode()))

    return fault


def changed_id(app: Between, name: str) -> None:
    """The app gives a user another id, and knows nothing of the old one."""
    one = next(one for one in users(app) if one["userName"] == name)
    app.forward(Asked("DELETE", f"/v2/Users/{one.pop('id')}", {}, {}, b""))
    del one["meta"]
    headers = {"content-type": "application/scim+json"}
    assert app.forward(Asked("POST", "/v2/Users", {}, headers, json.dumps(one).encode())).status == 201


def test_a_scim_app_that_fails_has_everybody_once_in_the_end(tmp_path: Path, scim: ScimServer) -> None:
    folder = tmp_path / "project"
    make_project(STARTER, folder)
    system = folder / "systems" / "crm.yaml"

    def muster(*arguments: str) -> Answer:
        return inside(*arguments, folder=folder, now=NOW, CRM=app.token, MUSTER_SECRET_CRM=app.token)

    with Between(scim.url, scim.headers) as app:
        system.write_text(SYSTEM.format(url=app.url, more=", patch: none, removal: values"), "utf-8")
        (folder / "mappings" / "crm-user.yaml").write_text(MAPPING, "utf-8")
        nonsense = muster("check")
        assert nonsense.code == 1
        assert "systems/crm.yaml:2" in nonsense.err
        assert "`patch: none` patches none" in nonsense.err
        system.write_text(SYSTEM.format(url=app.url, more=""), "utf-8")
        assert muster("check", "--connect").code == 0

        app.fail("POST /v2/Bulk", half(app))
        app.fail("POST /v2/(Users|Bulk)", dropped)
        muster("run")
        done = muster("run")
        assert done.code == 0, done.err
        assert sorted(one["externalId"] for one in users(app)) == sorted({one["externalId"] for one in users(app)})
        assert len(users(app)) == 5
        quiet = muster("plan", "--json")
        assert (quiet.code, quiet.document["changes"]) == (0, []), quiet.out

        people = folder / "data" / "people.csv"
        people.write_text(people.read_text("utf-8").replace("1001,2017-09-01,", "1001,2017-09-01,2026-02-27"), "utf-8")
        app.fail("GET /v2/Users", page(200), times=4)
        held = muster("run")
        assert held.code == 1
        assert "crm: GET" in held.err
        assert "with a web page" in held.err
        app.faults.clear()
        assert muster("run").code == 0
        assert [one["userName"] for one in users(app) if not one["active"]] == ["tomas.nunez"]

        changed_id(app, "anna.meyer")
        assert muster("run").code == 0
        assert len({one["externalId"] for one in users(app)}) == len(users(app)) == 5
        quiet = muster("plan", "--json")
        assert (quiet.code, quiet.document["changes"]) == (0, []), quiet.out

        log = json.dumps(muster("log", "--json").document) + held.err + held.out + done.out
        assert app.token not in log
        assert scim.token not in log
