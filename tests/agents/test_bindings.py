"""Whoever may edit system files decides nothing about where an agent's secrets go."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from muster.agents.bindings import PROGRAMS, Bindings, Request, asked_for, outside
from muster.agents.keys import AgentKey
from muster.agents.state import AgentState
from muster.connectors.active_directory.settings import ActiveDirectorySettings
from muster.connectors.graph.settings import GraphSettings
from muster.connectors.kit.contract import Settings
from muster.connectors.ldap.settings import LdapSettings
from muster.connectors.scim.settings import ScimSettings
from muster.connectors.script.settings import ScriptSettings
from muster.connectors.sql.settings import SqlSettings
from muster.model.errors import ProjectError
from muster.project.secrets import placeholders, unresolved
from tests.cli.support import muster

MODELS: dict[str, type[Settings]] = {
    "active_directory": ActiveDirectorySettings,
    "graph": GraphSettings,
    "ldap": LdapSettings,
    "scim": ScimSettings,
    "script": ScriptSettings,
    "sql": SqlSettings,
}
LDAP = {"url": "ldaps://dc1.corp", "bind_dn": "cn=m", "password": "${secret:ad}", "base": "dc=corp"}
AD = {"urls": ["ldaps://dc1.corp"], "user": "m@corp", "password": "${secret:ad}"}
GRAPH = {"tenant": "acme", "client_id": "m", "secret": "${secret:ad}"}


def request(
    settings: Mapping[str, Any], system: str = "ad", connector: str = "ldap", objects: Mapping[str, Any] | None = None
) -> Request:
    """What a system file asks for."""
    model = MODELS[connector]
    place = asked_for(system, connector, model, settings, objects or {})
    unencrypted = model.model_validate(unresolved(settings)).unencrypted()
    programs = model.model_validate(unresolved(settings)).programs()
    secrets = placeholders([settings, objects]) + ([PROGRAMS] if programs else [])
    return Request(place, secrets, list(unencrypted), list(programs))


@pytest.fixture
def bindings(tmp_path: Path) -> Bindings:
    return Bindings(tmp_path)


def test_a_secret_goes_where_it_was_first_used_again_and_again(bindings: Bindings, tmp_path: Path) -> None:
    bindings.permit(request(LDAP))
    bindings.permit(request(LDAP))
    Bindings(tmp_path).permit(request({**LDAP, "timeout": 5, "page_size": 10, "base": "ou=people,dc=corp"}))
    assert stat.S_IMODE((tmp_path / "bindings.json").stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        (request(LDAP), request({**LDAP, "url": "ldaps://evil"}), "url: ldaps://dc1.corp → ldaps://evil"),
        (request(LDAP), request({**LDAP, "ca": "theirs.pem"}), "ca: nothing → theirs.pem"),
        (
            request({**LDAP, "url": "ldap://dc1.corp", "start_tls": True}),
            request({**LDAP, "url": "ldap://dc1.corp"}),
            "start_tls: true → nothing",
        ),
        (request(LDAP), request(LDAP, "new"), "system: ad → new"),
        (
            request(LDAP),
            request({"url": "https://evil", "token": "${secret:ad}"}, connector="scim"),
            r"connector: ldap → scim; url: ldaps://dc1.corp → https://evil; .*token: nothing → \$\{secret:ad\}",
        ),
        (
            request(AD, connector="active_directory"),
            request({**AD, "urls": ["ldaps://evil", "ldaps://dc1.corp"]}, connector="active_directory"),
            "urls: ldaps://dc1.corp → ldaps://evil, ldaps://dc1.corp",
        ),
        (
            request({"domains": {"corp": AD}}, connector="active_directory"),
            request({"domains": {"corp": AD, "evil": {**AD, "urls": ["ldaps://e"]}}}, connector="active_directory"),
            "domains.evil.urls: nothing → ldaps://e",
        ),
        (
            request(GRAPH, connector="graph"),
            request({**GRAPH, "proxy": "http://evil"}, connector="graph"),
            "proxy: nothing → http://evil",
        ),
        (
            request({"url": "postgresql://m:${secret:ad}@db/hr"}, connector="sql"),
            request({"url": "postgresql://m:${secret:ad}@evil/hr"}, connector="sql"),
            r"url: postgresql://m:\*\*\*@db/hr → postgresql://m:\*\*\*@evil/hr",
        ),
        (
            request(LDAP),
            request(LDAP, objects={"user": {"filter": "${secret:ad}"}}),
            r"objects.user.filter: nothing → \$\{secret:ad\}",
        ),
    ],
)
def test_it_goes_nowhere_else(first: Request, then: Request, said: str, bindings: Bindings) -> None:
    bindings.permit(first)
    with pytest.raises(ProjectError, match=said) as told:
        bindings.permit(then)
    assert "its secret 'ad' is bound to other settings" in told.value.message
    assert (
        f"Nothing was sent. Where that is meant, run on this agent's machine: muster agent allow {then.name} --state"
        in (told.value.message)
    )
    bindings.permit(first)


@pytest.mark.parametrize(
    "plain",
    [
        request({**LDAP, "url": "ldap://dc1.corp"}),
        request({"url": "http://app/scim", "token": "${secret:ad}"}, connector="scim"),
        request({**GRAPH, "url": "https://own", "login_url": "http://own"}, connector="graph"),
    ],
)
def test_none_goes_unencrypted_until_the_operator_says_so(plain: Request, bindings: Bindings) -> None:
    for _ in range(2):
        with pytest.raises(ProjectError, match=r"a secret would go unencrypted to (ldap|http)://"):
            bindings.permit(plain)
    bindings.allow(plain.name)
    bindings.permit(plain)


def test_what_the_operator_allowed_takes_the_place_of_what_was(bindings: Bindings) -> None:
    old, new, other = request(LDAP), request({**LDAP, "url": "ldaps://dc9.corp"}), request(LDAP, "second")
    bindings.permit(old)
    for one in (new, other):
        with pytest.raises(ProjectError):
            bindings.permit(one)
        bindings.allow(one.name)
        bindings.permit(one)
    with pytest.raises(ProjectError, match=r"url: ldaps://dc9\.corp → ldaps://dc1\.corp"):
        bindings.permit(old)
    with pytest.raises(ProjectError, match="Nothing of the name 'no' waits here"):
        bindings.allow("no")


def test_a_program_is_run_once_the_operator_says_so_and_no_other(bindings: Bindings) -> None:
    script = request({"command": ["bin/sync", "--all"]}, connector="script")
    with pytest.raises(ProjectError, match=r"it would run a program on this machine: bin/sync --all\. Nothing"):
        bindings.permit(script)
    bindings.allow(script.name)
    bindings.permit(script)
    with pytest.raises(ProjectError, match=r"what it runs is bound to other settings \(command: bin/sync, --all → "):
        bindings.permit(request({"command": ["sh", "-c", "cat secrets/ad"]}, connector="script"))


@pytest.mark.parametrize(
    ("file", "refused"),
    [
        ("hr.csv", False),
        ("data/hr.csv", False),
        ("secrets/ad", True),
        ("data/../secrets/ad", True),
        ("key.pem", True),
        ("bindings.json", True),
        (".bindings.lock", True),
        ("../hr.csv", True),
        ("/etc/passwd", True),
    ],
)
def test_files_are_those_of_the_agents_folder_and_none_of_its_own(file: str, refused: bool, tmp_path: Path) -> None:
    assert outside(tmp_path, file) is refused
    assert outside(tmp_path, str(tmp_path / file)) is refused


def test_a_state_that_cannot_be_read_lets_nothing_out(bindings: Bindings, tmp_path: Path) -> None:
    (tmp_path / "bindings.json").write_text("{")
    with pytest.raises(ProjectError, match=r"none is sent\. Put it back from a backup"):
        bindings.permit(request(LDAP))


def test_the_operator_sees_what_waits_and_allows_it(tmp_path: Path) -> None:
    AgentState(tmp_path, "dc1", "office", ("https://muster",), AgentKey.new()).save()
    bindings = Bindings(tmp_path)
    bindings.permit(request(LDAP))
    new = request({**LDAP, "url": "ldap://dc9.corp"})
    with pytest.raises(ProjectError):
        bindings.permit(new)

    def allow(*arguments: str) -> Any:
        return muster("agent", "allow", *arguments, "--state", str(tmp_path), folder=tmp_path)

    told = f"{new.name}  ad (ldap) asks for ad\n  url  ldaps://dc1.corp → ldap://dc9.corp\n  unencrypted to ldap://dc9.corp\n"
    assert allow().out == told
    assert allow("--json").document["waiting"][0]["changes"] == [
        {"setting": "url", "from": "ldaps://dc1.corp", "to": "ldap://dc9.corp"}
    ]
    assert allow("0123").code == 1
    assert allow(new.name).out == told + "Allowed, from the next session on, on this agent alone.\n"
    bindings.permit(new)
    assert allow().out.startswith("Nothing waits.\nad may go to ad (ldap): url ldap://dc9.corp, bind_dn cn=m")
