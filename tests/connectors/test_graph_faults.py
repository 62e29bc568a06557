"""The Graph connector and a directory on its bad days: throttled, half of a batch failing, markers that are too old."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate

from muster.connectors.graph import GraphConnector
from muster.connectors.graph.session import Session
from muster.connectors.graph.settings import GraphSettings
from muster.connectors.kit.guard import Guard
from muster.connectors.kit.http import HttpSession, Waiting
from muster.model.changes import Change, EdgeChange, Result
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError, Throttled, Unreachable, WatermarkExpired
from muster.model.secrets import Secret
from tests.connectors.graphs import made
from tests.connectors.scripted import Reply, ScriptedServer
from tests.connectors.sessions import create, one, update, written
from tests.servers.certificates import self_signed

SECRET = Secret("s3cret-of-the-app")


def failing(status: int, code: str = "", message: str = "", **headers: str) -> Reply:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"error": {"code": code, "message": message}}, sent


class Cloud(ScriptedServer):
    """Speaks Graph as far as the test says: `answer(method, path, body)` for each request, alone or in a batch."""

    def __init__(self, answer: Callable[[str, str, Any], Reply]) -> None:
        super().__init__()
        self.answer = answer
        self.heard: list[tuple[str, str, Any]] = []
        self.batches: list[int] = []
        self.forms: list[dict[str, str]] = []
        self.tokens = 0
        self.lasts = 3600
        self.refuses: set[str] = set()
        self.token_reply: Callable[[], Reply] | None = None
        self.whole: list[Reply] = []
        """What the next batches as a whole are answered."""

    def settings(self, **changed: Any) -> GraphSettings:
        values = {"url": self.url, "tenant": "acme.example", "client_id": "app", "secret": SECRET, **changed}
        return GraphSettings.model_validate(values)

    def connector(self, **changed: Any) -> GraphConnector:
        return made(self.settings(**changed))

    def reply(self, method: str, path: str, data: bytes, headers: Message) -> Reply:
        if path.endswith("/oauth2/v2.0/token"):
            self.forms.append(dict(parse_qsl(data.decode())))
            if self.token_reply is not None:
                return self.token_reply()
            self.tokens += 1
            return 200, {"access_token": f"token-{self.tokens}", "expires_in": self.lasts}, {}
        body: Any = json.loads(data) if data else None
        path = path.removeprefix("/v1.0")
        if path.endswith("getAvailableExtensionProperties"):
            return 200, {"value": []}, {}
        if headers.get("Authorization", "").removeprefix("Bearer ") in self.refuses:
            return failing(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        if path != "/$batch":
            self.heard.append((method, path, body))
            return self.answer(method, path, body)
        self.batches.append(len(body["requests"]))
        if self.whole:
            return self.whole.pop(0)
        responses = []
        for part in body["requests"]:
            self.heard.append((part["method"], part["url"], part.get("body")))
            status, content, more = self.answer(part["method"], part["url"], part.get("body"))
            responses.append({"id": part["id"], "status": status, "headers": more, "body": content})
        return 200, {"responses": responses[::-1]}, {}


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, without waiting."""
    found: list[float] = []
    before = HttpSession.__init__

    def quick(self: HttpSession, *arguments: Any, **more: Any) -> None:
        before(self, *arguments, **{**more, "sleep": found.append, "waiting": Waiting(tries=4)})

    monkeypatch.setattr(HttpSession, "__init__", quick)
    return found


def ids(method: str, path: str, body: Any) -> Reply:
    """Everything goes well."""
    del path
    return (201, {"id": f"id-{body['displayName']}"}, {}) if method == "POST" else (204, None, {})


def people(count: int) -> list[Change]:
    return [create(n, {"displayName": str(n)}, password=Secret("x" * 20)) for n in range(count)]


# --- throttled, and gone for a while


def test_parts_of_a_batch_that_are_throttled_are_sent_again_when_they_may(naps: list[float]) -> None:
    refusals = {"3": 1, "7": 2}

    def answer(method: str, path: str, body: Any) -> Reply:
        name = (body or {}).get("displayName", "")
        if refusals.get(name, 0) > 0:
            refusals[name] -= 1
            return failing(429, "TooManyRequests", "slow down", Retry_After="7")
        return ids(method, path, body)

    with Cloud(answer) as cloud:
        outcomes = written(cloud.connector(), *people(20))
    assert {found.result for found in outcomes.values()} == {Result.DONE}
    assert cloud.batches == [20, 2, 1]
    assert [body["displayName"] for _, _, body in cloud.heard[20:]] == ["3", "7", "7"]
    assert naps == [7.0, 7.0]


def test_who_is_throttled_for_long_is_tried_again_later() -> None:
    def answer(method: str, path: str, body: Any) -> Reply:
        if body["displayName"] == "1":
            return failing(429, "TooManyRequests", "slow down", Retry_After="600")
        return ids(method, path, body)

    with Cloud(answer) as cloud:
        outcomes = written(cloud.connector(), *people(3))
    assert [outcomes[n].result for n in range(3)] == [Result.DONE, Result.RETRY, Result.DONE]
    assert (outcomes[1].after, "slow down" in outcomes[1].reason) == (600, True)


def test_a_batch_that_is_throttled_as_a_whole_waits_then_gives_way(naps: list[float]) -> None:
    with Cloud(ids) as cloud:
        cloud.whole = [failing(429, Retry_After="5"), failing(503)]
        outcomes = written(cloud.connector(), *people(20))
        assert {found.result for found in outcomes.values()} == {Result.DONE}
        assert (cloud.batches, naps) == ([20, 20, 20], [5.0, 1.0])
        cloud.whole = [failing(429, Retry_After="900")]
        outcomes = written(cloud.connector(), *people(20))
    assert {(found.result, found.after) for found in outcomes.values()} == {(Result.RETRY, 900.0)}


def test_a_read_that_is_throttled_waits_too(naps: list[float]) -> None:
    answers = [failing(429, Retry_After="3"), (200, {"@odata.deltaLink": "x"}, {})]

    def answer(_method: str, path: str, _body: Any) -> Reply:
        return answers.pop(0) if answers else (200, {"value": []}, {})

    with Cloud(answer) as cloud, cloud.connector() as connector:
        assert list(connector.read({"user": ["displayName"]}, None))[-1].last
    assert naps == [3.0]


def test_half_of_a_batch_may_fail() -> None:
    replies: list[tuple[Reply, Result, str]] = [
        ((204, None, {}), Result.DONE, ""),
        (failing(400, "Request_BadRequest", "Invalid value for jobTitle"), Result.REJECTED, "Invalid value"),
        (failing(403, "Authorization_RequestDenied", "Insufficient privileges"), Result.REJECTED, "directory role"),
        (failing(404, "Request_ResourceNotFound", "no such object"), Result.GONE, "404"),
        (failing(409, "Request_MultipleObjectsWithSameKeyValue", "taken"), Result.REJECTED, "Only one object"),
        (failing(412, "Request_PreconditionFailed", "changed"), Result.RETRY, "412"),
        (failing(500, "generalException", "oops"), Result.RETRY, "oops"),
        (failing(504, "gatewayTimeout", "late"), Result.RETRY, "late"),
    ]

    def answer(_method: str, path: str, _body: Any) -> Reply:
        return replies[int(path.split("/")[2])][0]

    with Cloud(answer) as cloud:
        changes = [update(str(n), {"jobTitle": "x"}, key=n) for n in range(len(replies))]
        outcomes = written(cloud.connector(), *changes)
    for n, (_, result, words) in enumerate(replies):
        assert (outcomes[n].result, words in outcomes[n].reason) == (result, True), outcomes[n]


def test_what_the_batch_does_not_answer_is_not_taken_for_done() -> None:
    with Cloud(ids) as cloud:
        cloud.whole = [(200, {"responses": [{"id": "0", "status": 201, "body": {"id": "a"}}]}, {})]
        cloud.whole += [(200, {"responses": []}, {})] * 9
        outcomes = written(cloud.connector(), *people(2))
        assert [outcomes[n].result for n in range(2)] == [Result.DONE, Result.RETRY], outcomes
        cloud.whole = [failing(400, "BadRequest", "no batch")]
        with cloud.connector() as connector, pytest.raises(IncompleteRead, match="no batch"):
            list(connector.write(people(2)))


def test_a_gateway_that_is_down_ends_the_session_with_an_outcome_each() -> None:
    with Cloud(ids) as cloud:
        cloud.whole = [failing(502)]
        with Guard(cloud.connector(concurrency=1), system="cloud") as guard:
            outcomes = list(guard.write(people(50)))
            assert isinstance(guard.broken, Unreachable)
    assert sorted(found.key for found in outcomes) == list(range(50))
    assert {found.result for found in outcomes} == {Result.RETRY}


def test_batches_are_full_and_several_are_under_way() -> None:
    with Cloud(ids) as cloud:
        written(cloud.connector(), *people(205))
    assert sorted(cloud.batches) == [5] + [20] * 10


def test_changes_of_one_object_keep_their_order() -> None:
    seen: list[str] = []

    def answer(_method: str, _path: str, body: Any) -> Reply:
        seen.append(body["jobTitle"])
        return 204, None, {}

    with Cloud(answer) as cloud:
        written(cloud.connector(), *[update("1", {"jobTitle": f"{n:02}"}, key=n) for n in range(30)])
    assert seen == [f"{n:02}" for n in range(30)]


# --- members


def test_members_are_added_twenty_at_a_time_in_batches_of_twenty() -> None:
    with Cloud(lambda *_: (204, None, {})) as cloud:
        edges = iter([EdgeChange("members", [f"m{n}" for n in range(1010)], [f"x{n}" for n in range(30)])])
        outcome = one(cloud.connector(concurrency=2), update("g", kind="group", edges=edges))
    assert outcome.result is Result.DONE
    assert (max(cloud.batches), sum(cloud.batches)) == (20, 80), "and the last goes without a batch"
    bound = [body["members@odata.bind"] for method, _, body in cloud.heard if method == "PATCH"]
    assert sorted(len(some) for some in bound) == [10] + [20] * 50
    assert {address for some in bound for address in some} == {
        f"{cloud.url}/v1.0/directoryObjects/m{n}" for n in range(1010)
    }
    assert {path for method, path, _ in cloud.heard if method == "DELETE"} == {
        f"/groups/g/members/x{n}/$ref" for n in range(30)
    }


def test_members_that_are_there_already_cost_one_batch_more() -> None:
    there = {f"m{n}" for n in range(0, 40, 2)}

    def answer(_method: str, _path: str, body: Any) -> Reply:
        addresses = body.get("members@odata.bind") or [body["@odata.id"]]
        names = {one.rpartition("/")[2] for one in addresses}
        if names & there:
            words = (
                "One or more added object references already exist for the following modified properties: 'members'."
            )
            return failing(400, "Request_BadRequest", words)
        there.update(names)
        return 204, None, {}

    with Cloud(answer) as cloud:
        edges = iter([EdgeChange("members", [f"m{n}" for n in range(40)], [])])
        outcome = one(cloud.connector(), update("g", kind="group", edges=edges))
    assert (outcome.result, outcome.reason) == (Result.DONE, "")
    assert cloud.batches == [2, 20, 20]
    assert there == {f"m{n}" for n in range(40)}


def test_a_group_that_another_hand_is_changing_is_tried_again(naps: list[float]) -> None:
    refusals = [failing(409, "Directory_ConcurrencyViolation", "try again")]
    with Cloud(lambda *_: refusals.pop() if refusals else (204, None, {})) as cloud:
        edges = iter([EdgeChange("members", [f"m{n}" for n in range(40)], [])])
        assert one(cloud.connector(), update("g", kind="group", edges=edges)).result is Result.DONE
    assert naps == [0.5]


# --- reading


def delta(links: dict[str, Reply]) -> Callable[[str, str, Any], Reply]:
    """A directory without objects whose delta links are answered as the test says."""

    def answer(_method: str, path: str, _body: Any) -> Reply:
        for part, reply in links.items():
            if part in path:
                return reply
        return 200, {"value": []}, {}

    return answer


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_delta_link_that_is_refused_is_a_watermark_that_expired(status: int) -> None:
    links: dict[str, Reply] = {}
    with Cloud(delta(links)) as cloud:
        links["latest"] = 200, {"@odata.deltaLink": f"{cloud.url}/v1.0/users/delta?$deltatoken=old"}, {}
        links["=old"] = failing(status, "syncStateNotFound", "the sync state is no longer known")
        with cloud.connector() as connector:
            since = list(connector.read({"user": ["mail"]}, None))[-1].watermark
            with pytest.raises(WatermarkExpired, match="no longer known"):
                list(connector.read({"user": ["mail"]}, since))
            for other in ("nonsense", str(since).replace(cloud.url, "https://graph.example")):
                with pytest.raises(WatermarkExpired, match="another directory"):
                    list(connector.read({"user": ["mail"]}, other))


def test_a_resync_in_the_middle_of_the_changes_expires_the_watermark_too() -> None:
    links: dict[str, Reply] = {}
    with Cloud(delta(links)) as cloud:
        base = f"{cloud.url}/v1.0/users/delta"
        links["latest"] = 200, {"@odata.deltaLink": f"{base}?$deltatoken=one"}, {}
        links["=one"] = 200, {"value": [{"id": "1", "mail": "a@x"}], "@odata.nextLink": f"{base}?$skiptoken=two"}, {}
        links["=two"] = failing(410, "resyncRequired", "resync required")
        with cloud.connector() as connector:
            since = list(connector.read({"user": ["mail"]}, None))[-1].watermark
            with pytest.raises(WatermarkExpired):
                list(connector.read({"user": ["mail"]}, since))
            links["=two"] = failing(400, "BadRequest", "no such token")
            with pytest.raises(IncompleteRead, match="no such token"):
                list(connector.read({"user": ["mail"]}, since))
            links["=two"] = 200, {"value": []}, {}
            with pytest.raises(IncompleteRead, match="without a delta link"):
                list(connector.read({"user": ["mail"]}, since))


def test_members_over_several_pages_and_from_a_delta_in_parts() -> None:
    links: dict[str, Reply] = {}
    with Cloud(delta(links)) as cloud:
        base = f"{cloud.url}/v1.0/groups"
        links["members?$skiptoken=2"] = 200, {"value": [{"id": "c"}]}, {}
        links["/g/members"] = (
            200,
            {"value": [{"id": "a"}, {"id": "b"}], "@odata.nextLink": f"{base}/g/members?$skiptoken=2"},
            {},
        )
        links["/h/members"] = failing(404, "Request_ResourceNotFound", "gone meanwhile")
        links["latest"] = 200, {"@odata.deltaLink": f"{base}/delta?$deltatoken=one"}, {}
        links["=one"] = (
            200,
            {
                "value": [
                    {"id": "g", "displayName": "G", "members@delta": [{"id": "d"}, {"id": "a", "@removed": {}}]},
                    {"id": "g", "displayName": "G", "members@delta": [{"id": "b", "@removed": {}}, {"id": "b"}]},
                    {"id": "h", "@removed": {"reason": "deleted"}},
                ],
                "@odata.deltaLink": f"{base}/delta?$deltatoken=two",
            },
            {},
        )
        links["/groups?"] = 200, {"value": [{"id": "g", "displayName": "G"}, {"id": "h"}]}, {}
        wanted = {"group": ["displayName", "members"]}
        with cloud.connector() as connector:
            read = list(connector.read(wanted, None))
            changed = list(connector.read(wanted, read[-1].watermark))
    assert [(e.anchor, e.values, e.whole, e.last) for page in read for e in page.edges] == [
        ("g", ["a", "b"], True, False),
        ("g", ["c"], True, True),
    ]
    assert [(e.anchor, e.values, e.removed, e.whole) for page in changed for e in page.edges] == [
        ("g", ["d"], ["a"], False),
        ("g", ["b"], [], False),
    ]
    assert [(one.anchor, one.deleted) for page in changed for one in page.objects][-1] == ("h", True)
    assert "$select=id,displayName,members&" in next(path for _, path, _ in cloud.heard if "latest" in path)


def test_managers_of_changed_users_are_asked_for_by_hundreds_and_nobody_is_lost() -> None:
    """Who got a manager is told; of the others a list says who it is, and of those that it lacks, each by itself."""

    def answer(_method: str, path: str, _body: Any) -> Reply:
        if "latest" in path:
            return 200, {"@odata.deltaLink": f"{cloud.url}/v1.0/users/delta?$deltatoken=one"}, {}
        if "=one" in path:
            users: list[Any] = [{"id": f"u{n}", "mail": f"{n}@x"} for n in range(40)]
            users[7]["manager@delta"] = [{"id": "old", "@removed": {}}, {"id": "boss"}]
            users[8]["manager@delta"] = [{"id": "old", "@removed": {}}]
            return 200, {"value": users, "@odata.deltaLink": f"{cloud.url}/v1.0/users/delta?$deltatoken=two"}, {}
        if "$filter=id" in path:
            listed = re.findall(r"'(u\d+)'", path)
            return (
                200,
                {"value": [{"id": one, "manager": {"id": "m"}} for one in listed if one not in ("u8", "u9")]},
                {},
            )
        if "/users/u8?" in path:
            return 200, {"id": "u8"}, {}
        return failing(404, "Request_ResourceNotFound", "gone") if "/users/u9?" in path else (200, {"value": []}, {})

    with Cloud(answer) as cloud, cloud.connector() as connector:
        since = list(connector.read({"user": ["mail", "manager"]}, None))[-1].watermark
        (page, _) = connector.read({"user": ["mail", "manager"]}, since)
    managers = {found.anchor: found.values.get("manager") for found in page.objects}
    assert managers == {**{f"u{n}": "m" for n in range(40) if n != 9}, "u7": "boss", "u8": None}
    assert cloud.batches == [3, 2]


def test_a_list_that_cannot_be_read_names_address_and_next_step() -> None:
    links: dict[str, Reply] = {
        "latest": (200, {"@odata.deltaLink": "x"}, {}),
        "/users?": failing(403, "Denied", "Insufficient privileges"),
    }
    with Cloud(delta(links)) as cloud, cloud.connector() as connector, pytest.raises(IncompleteRead) as caught:
        list(connector.read({"user": ["mail"]}, None))
    assert str(caught.value) == (
        f"cloud: GET {cloud.url}/v1.0/users was answered 403: Insufficient privileges. Grant the application the right "
        "to read this, and consent to it."
    )


def test_an_object_without_id_or_with_a_wrong_value_costs_only_itself() -> None:
    users = [{"id": "1", "accountEnabled": "perhaps"}, {"mail": "x"}, {"id": "3", "accountEnabled": True}]
    links: dict[str, Reply] = {
        "latest": (200, {"@odata.deltaLink": "x"}, {}),
        "/users?": (200, {"value": users}, {}),
    }
    with Cloud(delta(links)) as cloud, cloud.connector() as connector:
        pages = list(connector.read({"user": ["enabled"]}, None))
    assert [found.anchor for page in pages for found in page.objects] == ["3"]
    assert [(found.anchor, found.where) for page in pages for found in page.problems] == [
        ("1", "/users/1"),
        (None, "/users"),
    ]


# --- tokens


def test_a_token_is_renewed_before_it_ends() -> None:
    with Cloud(ids) as cloud:
        time = [0.0]
        session = Session("cloud", cloud.settings(), Path())
        session.tokens._clock = lambda: time[0]
        for now, tokens in ((0, 1), (3299, 1), (3301, 2), (3302, 2)):
            time[0] = now
            session.tokens.current()
            assert cloud.tokens == tokens, now
        session.close()
    assert cloud.forms[0] == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": SECRET.reveal(),
        "scope": f"{cloud.url}/.default",
    }


def test_a_token_that_ended_early_is_replaced_once() -> None:
    with Cloud(ids) as cloud:
        cloud.refuses = {"token-1"}
        outcomes = written(cloud.connector(), *people(3))
        assert {found.result for found in outcomes.values()} == {Result.DONE}
        assert cloud.tokens == 2
        cloud.refuses = {f"token-{n}" for n in range(100)}
        with cloud.connector() as connector, pytest.raises(AuthFailed) as caught:
            list(connector.write(people(3)))
    assert "Lifetime validation failed" in str(caught.value)
    assert "token-" not in str(caught.value)


def test_a_part_of_a_batch_that_is_refused_its_token_gets_another() -> None:
    refusals = [failing(401, "InvalidAuthenticationToken", "expired")]
    with Cloud(lambda *given: refusals.pop() if refusals else ids(*given)) as cloud:
        assert {found.result for found in written(cloud.connector(), *people(3)).values()} == {Result.DONE}
        assert cloud.tokens == 2
        cloud.answer = lambda *_: failing(401, "InvalidAuthenticationToken", "expired")
        with cloud.connector() as connector, pytest.raises(AuthFailed):
            list(connector.write(people(3)))


@pytest.mark.parametrize("status", [400, 401])
def test_why_there_is_no_token_is_told_without_the_secret(status: int) -> None:
    words = f"AADSTS7000215: Invalid client secret provided: {SECRET.reveal()}."
    with Cloud(ids) as cloud:
        cloud.token_reply = lambda: (status, {"error": "invalid_client", "error_description": words}, {})
        with pytest.raises(AuthFailed) as caught, cloud.connector():
            pass
    assert "AADSTS7000215: Invalid client secret provided: ***" in str(caught.value)
    assert SECRET.reveal() not in str(caught.value)


def test_a_login_that_is_throttled_is_throttled() -> None:
    with Cloud(ids) as cloud:
        cloud.token_reply = lambda: failing(429, Retry_After="900")
        with pytest.raises(Throttled), cloud.connector():
            pass


def test_a_certificate_proves_the_application(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, of_rsa=True)
    both = tmp_path / "app.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    with Cloud(ids) as cloud:
        settings = cloud.settings(secret=None, certificate=both)
        written(made(settings), *people(1))
        form = cloud.forms[0]
        assert "client_secret" not in form
        public = load_pem_x509_certificate(certificate.read_bytes()).public_key()
        assert isinstance(public, RSAPublicKey)
        audience = f"{cloud.url}/acme.example/oauth2/v2.0/token"
        claims = jwt.decode(form["client_assertion"], public, algorithms=["PS256"], audience=audience)
        assert (claims["iss"], claims["sub"]) == ("app", "app")
        header = jwt.get_unverified_header(form["client_assertion"])
        assert (header["alg"], bool(header["x5t#S256"])) == ("PS256", True)
        both.write_text("nonsense")
        with pytest.raises(ProjectError, match=r"app\.pem: the certificate cannot be used"), made(settings):
            pass
