"""The HTTP session: waits within bounds, errors by what can be done about them, no secret in a text."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from muster.connectors.kit.http import HttpSession, Waiting, retry_after
from muster.model.errors import AuthFailed, ProjectError, Throttled, Unreachable
from muster.model.secrets import Secret
from tests.connectors.scripted import ThreadServer
from tests.servers.certificates import self_signed

TOKEN = Secret("t0ken-of-the-app")


class Server:
    """Answers one after the other, the last one for ever; remembers what was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def session(
    handler: Callable[[httpx.Request], httpx.Response], naps: list[float] | None = None, **more: Any
) -> HttpSession:
    slept = [] if naps is None else naps
    return HttpSession(
        "crm",
        "https://crm.example/v2/",
        token=TOKEN,
        sleep=slept.append,
        transport=httpx.MockTransport(handler),
        **more,
    )


def test_it_waits_as_long_as_it_is_asked_to_and_goes_on() -> None:
    naps: list[float] = []
    server = Server(
        httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(503), httpx.Response(200, text="ok")
    )
    with session(server, naps) as http:
        assert http.request("GET", "Users", params={"count": 1}).text == "ok"
    assert naps == [7.0, 1.0]
    assert http.waited == 8.0
    assert str(server.asked[0].url) == "https://crm.example/v2/Users?count=1"
    assert server.asked[0].headers["Authorization"] == f"Bearer {TOKEN.reveal()}"


def test_it_does_not_wait_for_ever() -> None:
    naps: list[float] = []
    with session(Server(httpx.Response(503)), naps, waiting=Waiting(tries=3)) as http, pytest.raises(Throttled):
        http.request("GET", "Users")
    assert naps == [0.5, 1.0]
    long = Server(httpx.Response(429, headers={"Retry-After": "3600"}))
    with session(long) as http, pytest.raises(Throttled) as raised:
        http.request("GET", "Users")
    assert raised.value.retry_after == 3600
    assert len(long.asked) == 1


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthFailed), (403, AuthFailed), (502, Unreachable), (504, Unreachable)]
)
def test_statuses_that_end_a_session(status: int, error: type[Exception]) -> None:
    body = f"no entry with {TOKEN.reveal()}"
    with session(Server(httpx.Response(status, text=body))) as http, pytest.raises(error) as raised:
        http.request("GET", "Users")
    assert f"crm: GET https://crm.example/v2/Users was answered {status}" in str(raised.value)
    assert "no entry with ***" in str(raised.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "no entry."}, "no entry"),
        ({"error": "invalid_client", "error_description": "wrong\n secret"}, "wrong secret"),
        ({"error": {"code": "Denied", "message": "not yours"}}, "not yours"),
        ({"error": "sorry"}, '{"error":"sorry"}'),
    ],
)
def test_what_an_answer_says_for_people_is_told(body: object, words: str) -> None:
    with session(Server(httpx.Response(401, json=body))) as http, pytest.raises(AuthFailed) as raised:
        http.request("GET", "Users")
    assert f"401 Unauthorized: {words}. Check" in str(raised.value)


def test_a_secret_that_came_up_meanwhile_is_hidden_too() -> None:
    with session(Server(httpx.Response(401, text="no entry with late-one"))) as http:
        http.hide(Secret("late-one"))
        with pytest.raises(AuthFailed, match=r"no entry with \*\*\*"):
            http.request("GET", "Users")


def test_patience_for_a_part_of_an_answer_ends_like_that_for_the_whole() -> None:
    naps: list[float] = []
    with session(Server(httpx.Response(200)), naps, waiting=Waiting(tries=3, longest=10)) as http:
        patience = http.patience()
        assert [patience.wait(None), patience.wait(4.0), patience.wait(None)] == [True, True, False]
        assert not http.patience().wait(11.0)
    assert (naps, patience.waited) == ([0.5, 4.0], 4.5)


def test_a_forbidden_object_is_an_answer_when_that_is_asked_for() -> None:
    with session(Server(httpx.Response(403))) as http:
        assert http.request("PATCH", "Users/1", forbidden=True).status_code == 403


def test_a_dead_server_is_unreachable_without_its_secrets() -> None:
    def dead(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"refused {TOKEN.reveal()}", request=request)

    def slow(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    with session(dead) as http, pytest.raises(Unreachable, match=r"refused \*\*\*"):
        http.request("GET", "Users")
    with session(slow) as http, pytest.raises(Unreachable, match="not answered in time"):
        http.request("GET", "Users")


def test_credentials_do_not_follow_a_link_to_another_server() -> None:
    server = Server(httpx.Response(200))
    with session(server) as http:
        http.request("GET", "https://crm.example/v2/Users?page=2")
        with pytest.raises(Unreachable, match=r"leads to evil\.example"):
            http.request("GET", "https://evil.example/v2/Users")
    assert len(server.asked) == 1


def test_retry_after_may_be_a_date_or_nonsense() -> None:
    later = retry_after(httpx.Response(503, headers={"Retry-After": "Fri, 31 Dec 2199 23:59:59 GMT"}))
    assert later is not None
    assert later > 1e9
    assert retry_after(httpx.Response(503, headers={"Retry-After": "soon"})) is None


def test_a_file_of_certificates_that_cannot_be_used_is_refused(tmp_path: Any) -> None:
    with pytest.raises(ProjectError, match="cannot be used"):
        session(Server(httpx.Response(200)), verify=tmp_path / "no.pem")


class Greeting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_certificate_is_shown_to_a_server_that_asks_for_one(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    server = ThreadServer(Greeting)
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate))
    trust.load_cert_chain(certificate, key)
    trust.verify_mode = ssl.CERT_REQUIRED
    server._server.socket = trust.wrap_socket(server._server.socket, server_side=True)
    url = server.url.replace("http:", "https:")
    with server:
        with HttpSession("crm", url, verify=certificate, certificate=both) as http:
            assert http.request("GET", "x").status_code == 204
        with HttpSession("crm", url, verify=certificate) as http, pytest.raises(Unreachable):
            http.request("GET", "x")


def test_a_certificate_that_cannot_be_used_says_what_it_must_be(tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path)
    for verify in (True, certificate):
        with pytest.raises(ProjectError, match="PEM file with the certificate and its private key, without a pass"):
            HttpSession("crm", "https://crm.example", verify=verify, certificate=certificate)
