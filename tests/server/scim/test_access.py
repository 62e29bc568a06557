"""Who may come in, how much anybody may send, and that no token is told to anybody."""

from __future__ import annotations

import hashlib
import json
import time

import pytest

from muster.server.scim.app import LARGEST
from muster.store.tokens import Token, proven
from tests.server.scim.inside import Inside, refused
from tests.servers.gateway import GatewayServer, Scim


def _status(gateway: GatewayServer, system: str, authorization: str | None) -> int:
    headers = {"Authorization": authorization} if authorization is not None else {}
    with gateway.client() as client:
        answer = client.get(f"/scim/{system}/v2/Users?count=1", headers=headers)
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    return answer.status_code


def test_only_its_own_tokens_open_a_system(gateway: GatewayServer) -> None:
    right = gateway.tokens["app"]
    assert _status(gateway, "app", f"Bearer {right}") == 200
    assert _status(gateway, "app", f"bearer {right}") == 200
    for wrong in (None, "", right, f"Basic {right}", f"Bearer {right}x", f"Bearer {right[:-1]}", "Bearer x"):
        assert _status(gateway, "app", wrong) == 401, wrong
    assert _status(gateway, "dir", f"Bearer {right}") == 401
    assert _status(gateway, "no-such-system", f"Bearer {right}") == 401


def test_a_removed_token_is_worth_nothing_any_more(gateway: GatewayServer) -> None:
    made = gateway.muster("gateway", "token", "add", "app", "short")
    deadline = time.monotonic() + 30
    while _status(gateway, "app", f"Bearer {made['token']}") != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    gateway.muster("gateway", "token", "remove", "app", "short")
    while _status(gateway, "app", f"Bearer {made['token']}") != 401:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_an_old_token_and_half_of_one_are_none() -> None:
    secret = "x" * 43
    digest = hashlib.sha256(secret.encode()).digest()
    known = {"0" * 12: Token("0" * 12, "app", "a", digest, None, 0, 100)}
    text = f"muster_{'0' * 12}_{secret}"
    assert proven(known, text, "app", 99) is known["0" * 12]
    assert proven(known, text, "app", 100) is None
    assert proven(known, text, "other", 99) is None
    assert proven(known, text[:-1], "app", 99) is None
    assert proven({}, text, "app", 99) is None


def test_no_token_is_in_a_log_or_in_the_store(gateway: GatewayServer, app: Scim) -> None:
    app.ask("GET", "Users", headers={"Authorization": "Bearer muster_000000000000_wrong"})
    told = gateway.log.read_text()
    kept = b"".join(one.read_bytes() for one in (gateway.folder / ".muster").glob("state.db*"))
    for token in gateway.tokens.values():
        secret = token.rpartition("_")[2] if token.count("_") == 2 else token[20:]
        assert secret not in told
        assert secret.encode() not in kept
    listed = json.dumps(gateway.muster("gateway", "token", "list"))
    assert not any(token in listed for token in gateway.tokens.values())


def test_the_verb_shows_where_each_system_is(gateway: GatewayServer) -> None:
    shown = {one["system"]: one for one in gateway.muster("gateway")["gateways"]}
    assert shown["app"]["address"] == gateway.address("app")
    assert shown["app"]["resources"] == {"User": "account", "Group": "team"}
    assert shown["dir"]["tokens"] == 1


def test_a_request_has_a_largest_size(app: Scim) -> None:
    too_much = b'{"userName": "' + b"x" * LARGEST + b'"}'
    answer = app.client.post("Users", content=too_much, headers={"Content-Type": "application/scim+json"})
    assert answer.status_code == 413
    answer = app.client.post("Users", content=iter([too_much[:1_000_000]] * 20))
    assert answer.status_code == 413
    assert app.client.get(f"Users?filter={'x' * 20_000}").status_code == 414


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/scim+json", 400),
        (b"[]", "application/scim+json", 400),
        (b'"x"', "application/scim+json", 400),
        (b"[" * 100_000, "application/scim+json", 400),
        (b'{"a":' * 50 + b"1" + b"}" * 50, "application/scim+json", 400),
        (b'{"userName": "a", "userName": "b"}', "application/scim+json", 400),
        (b'{"userName": "a\\u0000b"}', "application/scim+json", 400),
        (b'{"userName": "a"}', "text/xml", 415),
        (b'{"userName": ["a", "b"]}', "application/json", 400),
        (b'{"userName": {"a": "b"}}', "application/json", 400),
        (b'{"userName": "a", "emails": "b"}', "application/json", 400),
        (b'{"userName": "a", "name": "b"}', "application/json", 400),
        (b"", "application/scim+json", 400),
    ],
)
def test_what_is_no_resource_is_told_in_scims_form(app: Scim, body: bytes, kind: str, status: int) -> None:
    answer = app.client.post("Users", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["status"] == str(status)


def test_a_system_that_does_not_answer_is_told_to_the_log_alone() -> None:
    with Inside() as service:
        where = f"Users/{service.user('ada')['id']}"
        service.live.leave()
        service.memory.faults.unreachable = True
        answer = service.ask("GET", where)
        detail = refused(answer, 503)
        assert answer.headers["Retry-After"]
        assert service.memory.name not in detail
        service.memory.faults.unreachable = False
        assert service.get(where)["userName"] == "ada"
