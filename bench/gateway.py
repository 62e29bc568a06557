"""How fast is the SCIM gateway over a SQLite database, beside scim2-server, which keeps its resources in memory?

Both answer the same requests, 16 in flight, from the same client; the gateway over TLS and with every write committed
to a file, scim2-server over plain HTTP. A floor is what scim2-server did. What is known of scimgateway (Bun, in memory)
was measured on 2026-11-24 beside scim2-server: it is scaled by how scim2-server does today.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from bench.beside import FastScimServer
from bench.measuring import Measured
from tests.server.scim.systems import SQL, fill_sql
from tests.servers.gateway import GatewayServer

COUNT = int(os.environ.get("BENCH_GATEWAY", "5000"))
MEMBERS = int(os.environ.get("BENCH_MEMBERS", "100000"))
IN_FLIGHT = 16
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
THEN = {
    "creates": (1_068, 3_955),
    "reads": (1_701, 5_010),
    "filtered reads": (753, 3_513),
    "lists": (20, 113),
    "patches": (930, 3_075),
}
"""Requests a second of scim2-server and of scimgateway on 2026-11-24."""


@dataclass(frozen=True, slots=True)
class Place:
    """A SCIM service, and how to speak to it."""

    base: str
    token: str
    trust: ssl.SSLContext | None

    def request(self, method: str, path: str, body: Any = None) -> bytes:
        """A request as it goes over the wire."""
        parts = urlsplit(self.base)
        data = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {parts.path}{path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/scim+json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        return head.encode() + data


class Line:
    """One connection that is kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The status and body of an answer."""
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        return status, await self.reader.readexactly(int(length)) if length else b""


async def together(place: Place, requests: Sequence[bytes], expected: Sequence[int]) -> tuple[float, list[bytes]]:
    """The seconds that they take, so many in flight, and what was answered."""
    parts = urlsplit(place.base)
    answers: list[bytes] = [b""] * len(requests)
    numbers: Iterator[int] = iter(range(len(requests)))

    async def work(line: Line) -> None:
        for number in numbers:
            status, answers[number] = await line.ask(requests[number])
            if status not in expected:
                raise RuntimeError(f"{requests[number][:200]!r}: {status} {answers[number][:500]!r}")

    lines = [
        Line(*await asyncio.open_connection(parts.hostname, parts.port, ssl=place.trust, limit=1 << 26))
        for _ in range(min(IN_FLIGHT, len(requests)))
    ]
    start = time.perf_counter()
    await asyncio.gather(*(work(line) for line in lines))
    taken = time.perf_counter() - start
    for line in lines:
        line.writer.close()
    return taken, answers


def user(number: int) -> dict[str, Any]:
    """The POST of one user."""
    return {
        "schemas": [USER],
        "userName": f"user{number:07}",
        "name": {"givenName": "Ada", "familyName": f"Lovelace{number % 997}"},
        "displayName": f"Ada Lovelace {number}",
        "emails": [{"type": "work", "value": f"user{number:07}@acme.example"}],
        "active": True,
    }


def requests_a_second(place: Place) -> dict[str, float]:
    """Each kind of request over a store that begins empty."""
    found: dict[str, float] = {}

    def run(name: str, requests: Sequence[bytes], expected: Sequence[int] = (200,)) -> list[bytes]:
        seconds, answers = asyncio.run(together(place, requests, expected))
        found[name] = len(requests) / seconds
        return answers

    made = run("creates", [place.request("POST", "/Users", user(one)) for one in range(COUNT)], (201,))
    ids = [quote(json.loads(answer)["id"]) for answer in made]
    run("reads", [place.request("GET", f"/Users/{one}") for one in ids])
    some = ids[: max(IN_FLIGHT, COUNT // 5)]
    names = [quote(f'userName eq "user{one:07}"') for one in range(len(some))]
    run("filtered reads", [place.request("GET", f"/Users?filter={one}") for one in names])
    starts = [1 + 100 * (one % max(1, COUNT // 100)) for one in range(max(IN_FLIGHT, COUNT // 100))]
    run("lists", [place.request("GET", f"/Users?startIndex={one}&count=100") for one in starts])
    change = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "displayName", "value": "Countess"}]}
    run("patches", [place.request("PATCH", f"/Users/{one}", change) for one in some], (200, 204))
    return found


def group(place: Place, database: Path) -> dict[str, float]:
    """A group of many members made in one request, read whole, and one more member."""
    with closing(sqlite3.connect(database)) as connection:
        rows = ((f"member{one:07}",) for one in range(MEMBERS + 1))
        connection.executemany("INSERT INTO account (login, active) VALUES (?, 1)", rows)
        connection.commit()
        ids = [str(one) for (one,) in connection.execute("SELECT id FROM account WHERE login LIKE 'member%'")]
    found: dict[str, float] = {}

    def run(name: str, request: bytes, expected: int) -> bytes:
        found[name], (answer,) = asyncio.run(together(place, [request], [expected]))
        return answer

    body = {"displayName": "everybody", "members": [{"value": one} for one in ids[:-1]]}
    made = json.loads(run("made", place.request("POST", "/Groups?excludedAttributes=members", body), 201))
    where = f"/Groups/{made['id']}"
    whole = json.loads(run("read whole", place.request("GET", where), 200))
    assert len(whole["members"]) == MEMBERS
    operation = {"op": "add", "path": "members", "value": [{"value": ids[-1]}]}
    run("one more", place.request("PATCH", where, {"schemas": [PATCH], "Operations": [operation]}), 204)
    return found


def measure() -> Iterator[Measured]:
    """Requests a second beside scim2-server, and a large group."""
    with FastScimServer() as beside:
        floor = requests_a_second(Place(beside.url, beside.token, None))
    with GatewayServer({"app": SQL}, fill_sql) as server:
        trust = ssl.create_default_context(cafile=str(server.certificate))
        place = Place(server.address("app"), server.tokens["app"], trust)
        ours = requests_a_second(place)
        steps = group(place, server.folder / "app.db")
    for name, value in ours.items():
        server_then, gateway_then = THEN[name]
        scaled = gateway_then * floor[name] / server_then
        yield Measured(
            f"gateway {name}",
            round(value, 1),
            "requests/s",
            round(floor[name], 1),
            round(floor[name] / value, 2),
            note=f"scimgateway, scaled: {scaled:,.0f} requests/s, ratio {scaled / value:.2f}",
        )
    yield Measured(
        f"gateway group of {MEMBERS:,} members",
        round(sum(steps.values()), 1),
        "s",
        steps={step: round(taken, 3) for step, taken in steps.items()},
        note="to be under 60 s",
    )
