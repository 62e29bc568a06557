"""Clients that do not behave: unknown methods and paths, connections that end early or never, too many requests."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
from starlette.types import Message

from muster.server.graph.app import Endpoint
from tests.server.wire import Wire, refused, sound
from tests.servers.muster import MusterServer
from tests.servers.process import HOST


@contextmanager
def connection(server: MusterServer) -> Iterator[ssl.SSLSocket]:
    trust = ssl.create_default_context(cafile=str(server.certificate))
    with (
        socket.create_connection((HOST, server.port), timeout=30) as plain,
        trust.wrap_socket(plain, server_hostname=HOST) as secure,
    ):
        yield secure


def sent(wire: Wire, data: bytes) -> bytes:
    """What the server answers to bytes, all of it."""
    with connection(wire.server) as secure:
        secure.sendall(data)
        found = b""
        while part := secure.recv(65536):
            found += part
    return found


def head(wire: Wire, line: str, *more: str) -> bytes:
    lines = (line, f"Host: {HOST}:{wire.server.port}", f"Authorization: {wire.client.headers['Authorization']}", *more)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


# --- methods and paths


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PROPFIND", "BREW", "PUT"])
@pytest.mark.parametrize("path", ["/users", "/users/nobody", "/users/nobody/manager/$ref/x", "/$batch", "/$metadata"])
def test_a_method_that_is_not_meant(wire: Wire, method: str, path: str) -> None:
    answer = wire.ask(method, path)
    assert answer.status_code in (400, 405)
    if answer.status_code == 405:
        assert answer.headers["Allow"]


def test_head_asks_for_what_get_tells_without_it(wire: Wire) -> None:
    guid = wire.user()
    answer = wire.ask("HEAD", f"/users/{guid}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["ETag"] == wire.get(f"/users/{guid}").headers["ETag"]
    assert wire.ask("HEAD", "/users/nobody").status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "BREW"])
@pytest.mark.parametrize("path", ["/", "/v1.0", "/beta/users", "/v1.0%0a/users", "/x/oauth2/v2.0/tokens", "/static/x"])
def test_there_is_nothing_elsewhere(wire: Wire, method: str, path: str) -> None:
    answer = sound(wire.client.request(method, path), wire.server)
    assert answer.status_code in (404, 405)


@pytest.mark.parametrize(
    "key",
    [
        *("..", "../..", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f", "....//", "..\\..\\x", "%252e%252e", "a%00b", "%ff%fe"),
        *(
            "' OR '1'='1",
            "x';DROP TABLE users;--",
            "%25",
            "*",
            "(",
            ")",
            "('x'",
            "x" * 3000,
            "é" * 500,
            "{0}",
            "${x}",
        ),
        *(
            "deviceId='x'",
            "userPrincipalName=''",
            "(userPrincipalName='a''b')",
            "NUL",
            "con",
            "~root",
            "\u202e",
            "%0d%0aX: 1",
        ),
    ],
)
@pytest.mark.parametrize("path", ["/users", "/groups", "/devices", "/contacts", "/teams", "/directoryObjects"])
def test_an_id_that_is_none(wire: Wire, path: str, key: str) -> None:
    answer = sound(wire.client.send(wire.client.build_request("GET", f"{wire.server.graph}{path}/{key}")), wire.server)
    assert answer.status_code in (400, 404)
    assert "X" not in answer.headers
    for method in ("PATCH", "DELETE"):
        answer = sound(wire.client.request(method, f"{wire.server.graph}{path}/{key}"), wire.server)
        assert answer.status_code in (400, 403, 404, 405)


@pytest.mark.parametrize("path", ["/v1.0/../../../etc/passwd", "/v1.0/users/../../../etc/passwd", "/v1.0/."])
def test_paths_are_not_walked(wire: Wire, path: str) -> None:
    answer = sent(wire, head(wire, f"GET {path} HTTP/1.1", "Connection: close"))
    assert answer.split(b" ")[1] in (b"400", b"404")
    assert b"root:" not in answer


def test_a_path_without_end(wire: Wire) -> None:
    refused(wire.ask("GET", "/users/" + "x/" * 1000), 400, "BadRequest")
    refused(wire.ask("GET", "/users/" + "x" * 5000), 414, "Request_BadRequest")


# --- connections


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\r\n\r\n", b"GET", b"\x00" * 1000, b"GET / HTTP/9.9\r\n\r\n", b"\xff" * 100),
        b"POST /v1.0/users HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nContent-Type: application/json\r\n\r\n{",
        b"POST /v1.0/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n{",
        b"POST /v1.0/users HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1.0/users HTTP/1.1\r\nHost: x\r\nContent-Length: \xb2\r\n\r\n",
        b"GET /v1.0/users HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1_000_000,
    ],
)
def test_a_client_that_goes_in_the_middle(wire: Wire, data: bytes) -> None:
    for _ in range(20):
        with connection(wire.server) as secure, suppress(OSError):  # the server may have closed first
            secure.sendall(data)
    assert wire.get("/users", top="1").status_code == 200


def test_a_client_that_goes_before_the_answer(wire: Wire) -> None:
    for _ in range(20):
        with connection(wire.server) as secure:
            secure.sendall(head(wire, "GET /v1.0/users?$top=999 HTTP/1.1"))
    assert wire.get("/users", top="1").status_code == 200


def test_slow_clients_keep_nobody_waiting(wire: Wire) -> None:
    with ExitStack() as stack:
        begun = head(wire, "POST /v1.0/users HTTP/1.1", "Content-Type: application/json", "Content-Length: 9999") + b"{"
        for number in range(150):
            secure = stack.enter_context(connection(wire.server))
            secure.sendall(begun if number % 2 else begun[:40])
        began = time.monotonic()
        assert wire.get("/users", top="1").status_code == 200
        assert time.monotonic() - began < 5


def test_who_never_ends_a_request_is_sent_away() -> None:
    told: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Message) -> None:
        told.append(message)

    async def ask() -> None:
        scope = {"type": "http", "method": "POST", "path": "/v1.0/users", "query_string": b"", "headers": []}
        service: Any = None
        await Endpoint(service, patience=0.05).application()(scope, receive, send)

    asyncio.run(ask())
    assert told[0]["status"] == 408
    assert json.loads(told[1]["body"])["error"]["code"] == "Request_Timeout"


def test_a_host_of_ones_own_changes_nobody_elses_links(wire: Wire) -> None:
    for host in ("evil.example", "a b", "<script>", "x" * 5000, "é"):
        answer = wire.client.get("/v1.0/users?$top=1", headers=[(b"Host", host.encode("latin-1"))])
        assert answer.status_code in (200, 400)
    wire.user()
    wire.user()
    assert wire.get("/users", top="1").json()["@odata.nextLink"].startswith(wire.server.graph)


@pytest.mark.parametrize("number", ["x\r\nSet-Cookie: a=b", "é", "x" * 1000, "", "<script>"])
def test_the_id_of_a_request_is_no_place_for_more(wire: Wire, number: str) -> None:
    value = number.encode("latin-1").replace(b"\r\n", b"\\r\\n")
    answer = wire.ask("GET", "/users/nobody", headers={"client-request-id": value})
    assert "Set-Cookie" not in answer.headers
    assert len(answer.headers["client-request-id"]) <= 128


# --- how often


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    with MusterServer(rate=2) as server:
        wire = Wire(server)
        with wire.client:
            answer = next(one for _ in range(200) if (one := wire.get("/users", top="1")).status_code != 200)
            refused(answer, 429, "TooManyRequests")
            wait = int(answer.headers["Retry-After"])
            assert wait == 1
            requests = [{"id": str(number), "method": "GET", "url": "/users?$top=1"} for number in range(20)]
            late = [one for one in wire.batch(*requests).json()["responses"] if one["status"] == 429]
            assert late
            assert late[0]["headers"]["Retry-After"] == "1"
            assert late[0]["body"]["error"]["code"] == "TooManyRequests"
            time.sleep(wait)
            assert wire.get("/users", top="1").status_code == 200
