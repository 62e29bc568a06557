"""Who may come in, and how far: tokens that are none, applications that are gone, rights that do not reach."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.directory.support import person, security
from tests.server.sdk import fresh
from tests.server.wire import Wire, refused, sound

STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def claims(wire: Wire, **more: Any) -> dict[str, Any]:
    """What a good token says."""
    of = wire.server.application
    now = int(time.time())
    return {
        "aud": "https://graph.microsoft.com",
        "iat": now,
        "nbf": now,
        "exp": now + 3000,
        "appid": of["client_id"],
        "tid": of["tenant"],
        **more,
    }


def ours(wire: Wire) -> str:
    """The id of the server's own key."""
    with wire.server.client() as client:
        keys = client.get(f"/{wire.server.application['tenant']}/discovery/v2.0/keys").json()["keys"]
    found: str = keys[0]["kid"]
    return found


def key(wire: Wire) -> bytes:
    """The server's own private key, as one who holds the machine has it."""
    return (wire.server.folder / ".muster" / "server" / "signing.pem").read_bytes()


def ask(wire: Wire, header: str | None) -> httpx.Response:
    headers = {} if header is None else {"Authorization": header}
    with wire.server.client(headers=headers) as client:
        return sound(client.get("/v1.0/users"), wire.server)


def with_token(wire: Wire, token: str) -> httpx.Response:
    return ask(wire, f"Bearer {token}")


# --- access tokens


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "Bearer", "Basic Zm9vOmJhcg==", "Bearer x", "Bearer a.b.c", "Bearer .."),
        *(f"Bearer {'x' * 20_000}", "Bearer " + "eyJ" * 2000, "bearer " + base64.b64encode(b"{}.{}.").decode()),
    ],
)
def test_what_is_no_token(wire: Wire, header: str | None) -> None:
    answer = ask(wire, header)
    refused(answer, 401, "InvalidAuthenticationToken")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="", authorization_uri="https://')


def test_a_token_without_a_signature(wire: Wire) -> None:
    unsigned = jwt.encode(claims(wire), "", algorithm="none", headers={"kid": ours(wire)})
    refused(with_token(wire, unsigned), 401, "InvalidAuthenticationToken", "Invalid signature")
    header, _, rest = wire.server.token().partition(".")
    del header
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": ours(wire)}).encode()).decode().rstrip("=")
    refused(with_token(wire, f"{none}.{rest}"), 401, "InvalidAuthenticationToken", "Invalid signature")
    refused(with_token(wire, f"{none}.{rest.partition('.')[0]}."), 401, "InvalidAuthenticationToken")


def test_a_token_that_a_stranger_signed(wire: Wire) -> None:
    for number in (ours(wire), "0" * 32, "../../signing", ""):
        token = jwt.encode(claims(wire), STRANGER, algorithm="RS256", headers={"kid": number})
        refused(with_token(wire, token), 401, "InvalidAuthenticationToken", "Invalid signature")


def test_a_token_signed_with_the_public_key_as_a_password(wire: Wire) -> None:
    with wire.server.client() as client:
        found = client.get(f"/{wire.server.application['tenant']}/discovery/v2.0/keys").json()["keys"][0]
    token = jwt.encode(claims(wire), found["n"] * 2, algorithm="HS256", headers={"kid": found["kid"]})
    refused(with_token(wire, token), 401, "InvalidAuthenticationToken", "Invalid signature")


def test_a_token_whose_text_was_changed(wire: Wire) -> None:
    header, body, signature = wire.server.token().split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps({**said, "exp": said["exp"] + 1}).encode()).decode().rstrip("=")
    refused(with_token(wire, f"{header}.{other}.{signature}"), 401, "InvalidAuthenticationToken", "Invalid signature")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"exp": 1_700_000_000}, "expired"),
        ({"nbf": 4_000_000_000}, "Invalid signature"),
        ({"tid": "6dd4ad4f-0000-4000-8000-000000000000"}, "Invalid tenant"),
        ({"appid": "6dd4ad4f-0000-4000-8000-000000000000"}, "The application is gone"),
        ({"appid": "tests"}, "The application is gone"),
        ({"appid": 12}, "The application is gone"),
        ({"appid": "a\x00b"}, "The application is gone"),
        ({"exp": "never"}, "Invalid signature"),
    ],
)
def test_a_token_of_ours_that_is_good_for_nothing(wire: Wire, more: dict[str, Any], words: str) -> None:
    token = jwt.encode(claims(wire, **more), key(wire), algorithm="RS256", headers={"kid": ours(wire)})
    refused(with_token(wire, token), 401, "InvalidAuthenticationToken", words)


def test_the_token_of_an_application_that_was_removed(wire: Wire) -> None:
    name = fresh()
    token = wire.server.token(wire.server.muster("directory", "app", "add", name))
    assert with_token(wire, token).status_code == 200
    wire.server.muster("directory", "app", "remove", name)
    refused(with_token(wire, token), 401, "InvalidAuthenticationToken", "The application is gone")


def test_rights_are_those_of_now_not_of_the_token(wire: Wire) -> None:
    name = fresh()
    token = wire.server.token(wire.server.muster("directory", "app", "add", name))
    wire.server.muster("directory", "app", "allow", name, "--permission", "Device.Read.All")
    refused(with_token(wire, token), 403, "Authorization_RequestDenied", "User.Read.All")


# --- where tokens come from


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"grant_type": ""}, 70003),
        ({"grant_type": "password", "username": "a", "password": "b"}, 70003),
        ({"grant_type": "client_credentials"}, 900144),
        ({"grant_type": "client_credentials", "client_id": "x"}, 70011),
        ({"grant_type": "client_credentials", "client_id": "x", "scope": "https://x/.default"}, 700016),
        ({"grant_type": "client_credentials", "client_id": "a\x00b", "scope": "https://x/.default"}, 700016),
        ({"grant_type": "client_credentials", "client_id": "tests", "scope": "https://x/.default"}, 700016),
        ({"grant_type": "client_credentials", "client_id": "' OR 1=1 --", "scope": "https://x/.default"}, 700016),
    ],
)
def test_who_does_not_prove_themselves_gets_no_token(wire: Wire, form: dict[str, str], code: int) -> None:
    with wire.server.client() as client:
        answer = client.post(f"/{wire.server.application['tenant']}/oauth2/v2.0/token", data=form)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error_codes"] == [code]
    assert answer.json()["error_description"].startswith(f"AADSTS{code}: ")


@pytest.mark.parametrize("secret", ["", "wrong", "\x00", "é" * 300, "x" * 100_000])
def test_a_wrong_secret_tells_nothing(wire: Wire, secret: str) -> None:
    of = wire.server.application
    form = {"grant_type": "client_credentials", "client_id": of["client_id"], "scope": "https://x/.default"}
    with wire.server.client() as client:
        answer = client.post(f"/{of['tenant']}/oauth2/v2.0/token", data={**form, "client_secret": secret})
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert of["secret"] not in answer.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"a=1&" * 100, "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"", "application/x-www-form-urlencoded"),
        (b"x" * 5_000_000, "application/x-www-form-urlencoded"),
    ],
)
def test_a_form_that_is_none(wire: Wire, body: bytes, kind: str) -> None:
    with wire.server.client() as client:
        answer = client.post(
            f"/{wire.server.application['tenant']}/oauth2/v2.0/token", content=body, headers={"Content-Type": kind}
        )
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]


@pytest.mark.parametrize("header", ["Basic", "Basic %%%", "Basic /////w==", "Basic Og=="])
def test_credentials_that_are_none(wire: Wire, header: str) -> None:
    with wire.server.client() as client:
        answer = client.post(
            f"/{wire.server.application['tenant']}/oauth2/v2.0/token",
            data={"grant_type": "client_credentials", "scope": "https://x/.default"},
            headers={"Authorization": header},
        )
    assert answer.status_code == 400
    assert answer.json()["error"]


# --- rights


class Limited:
    """A client of an application that may do only so much."""

    def __init__(self, wire: Wire, *permissions: str) -> None:
        self._wire = wire
        self.name = fresh()
        options = [part for one in permissions for part in ("--permission", one)]
        token = wire.server.token(wire.server.muster("directory", "app", "add", self.name, *options))
        self.client = wire.server.client(headers={"Authorization": f"Bearer {token}"})

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return sound(self.client.request(method, f"/v1.0{path}", **more), self._wire.server)


@pytest.fixture(scope="module")
def members_only(wire: Wire) -> Iterator[Limited]:
    """May add members to groups, and remove them."""
    found = Limited(wire, "GroupMember.ReadWrite.All")
    yield found
    found.client.close()


@pytest.fixture(scope="module")
def groups_only(wire: Wire) -> Iterator[Limited]:
    """May do everything with groups."""
    found = Limited(wire, "Group.ReadWrite.All")
    yield found
    found.client.close()


@pytest.fixture(scope="module")
def readers(wire: Wire) -> Iterator[Limited]:
    """May look at users."""
    found = Limited(wire, "User.Read.All")
    yield found
    found.client.close()


DENIED = "Authorization_RequestDenied"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", "/users"), ("GET", "/groups"), ("GET", "/groups/delta"), ("GET", "/devices"), ("GET", "/contacts")),
        *(("POST", "/invitations"), ("GET", "/applications"), ("GET", "/organization"), ("GET", "/subscribedSkus")),
        *(("GET", "/teams"), ("GET", "/directory/deletedItems/microsoft.graph.group"), ("POST", "/groups")),
        *(("PATCH", "/users/x"), ("DELETE", "/users/x"), ("POST", "/users/x/revokeSignInSessions")),
        *(("POST", "/users/x/assignLicense"), ("PUT", "/users/x/manager/$ref")),
        *(("GET", "/users/x/authentication/methods"), ("POST", "/users/x/authentication/temporaryAccessPassMethods")),
    ],
)
def test_who_may_look_at_users_may_do_nothing_else(readers: Limited, method: str, path: str) -> None:
    refused(readers.ask(method, path, json={}), 403, DENIED, "Insufficient privileges")


def test_who_may_look_at_users_may(readers: Limited, wire: Wire) -> None:
    assert readers.ask("GET", f"/users/{wire.user()}").status_code == 200


def test_who_may_look_at_users_sees_of_their_groups_no_more_than_which(readers: Limited, wire: Wire) -> None:
    user, group = wire.user(), wire.group()
    assert wire.post(f"/groups/{group}/members/$ref", wire.reference(user)).status_code == 204
    limited = {"@odata.type": "#microsoft.graph.group", "id": group, "displayName": None, "mail": None}
    select = "$select=id,displayName,mail"
    (found,) = readers.ask("GET", f"/users/{user}/memberOf?{select}").json()["value"]
    assert found == limited
    (found,) = readers.ask("GET", f"/users/{user}/transitiveMemberOf").json()["value"]
    assert (found["id"], {found[name] for name in found if name not in ("@odata.type", "id")}) == (group, {None})
    for name in ("memberOf", "transitiveMemberOf"):
        for path in (f"/users/{user}?$select=id&", f"/users?$filter=id eq '{user}'&"):
            answer = readers.ask("GET", f"{path}$expand={name}($select=id,displayName,mail)").json()
            assert answer.get("value", [answer])[0][name] == [limited]
            answer = readers.ask("GET", f"{path}$expand={name}").json()
            (found,) = answer.get("value", [answer])[0][name]
            assert {found[one] for one in found if one not in ("@odata.type", "id")} == {None}


@pytest.mark.parametrize(("kind", "objects", "groups"), [("users", 200, 403), ("groups", 403, 403)])
def test_who_may_look_at_users_asks_for_memberships_of_users_alone(
    readers: Limited, wire: Wire, kind: str, objects: int, groups: int
) -> None:
    one = wire.user() if kind == "users" else wire.group()
    for path in (f"/{kind}/{one}", f"/directoryObjects/{one}"):
        for verb, body, status in (
            ("getMemberObjects", {"securityEnabledOnly": False}, objects),
            ("checkMemberObjects", {"ids": [one]}, objects),
            ("getMemberGroups", {"securityEnabledOnly": False}, groups),
            ("checkMemberGroups", {"groupIds": [one]}, groups),
        ):
            assert readers.ask("POST", f"{path}/{verb}", json=body).status_code == status, (path, verb)


def test_who_may_look_at_groups_sees_of_their_members_no_more_than_which(members_only: Limited, wire: Wire) -> None:
    user, group = wire.user(), wire.group()
    assert wire.post(f"/groups/{group}/members/$ref", wire.reference(user)).status_code == 204
    limited = {"@odata.type": "#microsoft.graph.user", "id": user, "displayName": None}
    answer = members_only.ask("GET", f"/groups/{group}/members?$select=id,displayName").json()
    assert answer["value"] == [limited]
    answer = members_only.ask("GET", f"/groups/{group}?$expand=members($select=id,displayName)").json()
    assert answer["members"] == [limited]
    (found,) = members_only.ask("GET", f"/groups/{group}/members/microsoft.graph.user").json()["value"]
    assert (found["id"], found["displayName"]) == (user, None)


def test_a_batch_gives_no_more_rights(readers: Limited, wire: Wire) -> None:
    body = {"id": "1", "method": "POST", "url": "/groups", "headers": {"Content-Type": "application/json"}}
    answer = readers.ask("POST", "/$batch", json={"requests": [{**body, "body": security(fresh())}]})
    (one,) = answer.json()["responses"]
    assert one["status"] == 403
    assert one["body"]["error"]["code"] == DENIED
    del wire


def test_who_may_add_members_may_not_rename_the_group(members_only: Limited, wire: Wire) -> None:
    group, user = wire.group(), wire.user()
    bind = {"members@odata.bind": [wire.address(user)]}
    refused(members_only.ask("PATCH", f"/groups/{group}", json={**bind, "displayName": "mine"}), 403, DENIED)
    owner = {"owners@odata.bind": [wire.address(user)]}
    refused(members_only.ask("PATCH", f"/groups/{group}", json=owner), 403, DENIED)
    assert members_only.ask("PATCH", f"/groups/{group}", json=bind).status_code == 204
    refused(members_only.ask("DELETE", f"/groups/{group}"), 403, DENIED)
    refused(members_only.ask("POST", f"/groups/{group}/owners/$ref", json=wire.reference(user)), 403, DENIED)


def test_who_may_delete_groups_deletes_nobody(groups_only: Limited, wire: Wire) -> None:
    user, device, group = wire.user(), wire.device(int(time.time() * 1000) % 10**11), wire.group()
    for guid in (user, device):
        refused(groups_only.ask("DELETE", f"/directoryObjects/{guid}"), 403, DENIED)
    assert groups_only.ask("DELETE", f"/directoryObjects/{group}").status_code == 204
    wire.ask("DELETE", f"/users/{user}")
    refused(groups_only.ask("POST", f"/directory/deletedItems/{user}/restore"), 403, DENIED)
    refused(groups_only.ask("DELETE", f"/directory/deletedItems/{user}"), 403, DENIED)


def test_what_on_premises_decides_is_for_synchronisation(groups_only: Limited, wire: Wire) -> None:
    body = security(fresh(), onPremisesSyncEnabled=True)
    refused(groups_only.ask("POST", "/groups", json=body), 400, "Request_BadRequest", "read-only")
    synced = wire.made("/groups", body)
    refused(groups_only.ask("PATCH", f"/groups/{synced}", json={"description": "x"}), 400, "Request_BadRequest")


def test_who_makes_users_gets_no_password_back(wire: Wire) -> None:
    answer = wire.post("/users", person(fresh()))
    assert "passwordProfile" not in answer.json()
    found = wire.get(f"/users/{answer.json()['id']}", select="passwordProfile")
    assert found.json()["passwordProfile"]["password"] is None
