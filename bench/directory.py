"""How does the embedded directory hold a million users and a group of 250,000, on the wire?

The users are made in a process of its own, then `muster serve` answers one client over TLS. Each floor is bare SQL that
reads or writes the same rows of the same database, without wire and without Python objects.
"""

from __future__ import annotations

import os
import random
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson

from bench.measuring import Measured, apart, timed
from muster.directory.directory import Directory, Settings
from muster.directory.objects import new_rows
from muster.directory.schema.kinds import SCHEMAS, WORDS_OF_NAME, Kind
from muster.directory.users import create_users
from muster.store.database import Database, chunks
from tests.servers.muster import MusterServer

COUNT = int(os.environ.get("BENCH_DIRECTORY", "1000000"))
MEMBERS = min(COUNT, int(os.environ.get("BENCH_MEMBERS", "250000")))
MADE = min(COUNT, 10_000)
BATCH = 5000
TIMES = 200
EVENTUAL = {"ConsistencyLevel": "eventual"}
SHOWN = "SELECT o.id, o.guid, o.kind, o.state, o.born, o.seq, o.own, o.deleted, o.doc FROM dir_object o"
KEYED = f"{SHOWN} JOIN dir_key k ON k.object = o.id WHERE k.code = ?"
_FIRST = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Margaret", "Tim", "Radia", "Vint")
_LAST = ("Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Hamilton", "Berners-Lee", "Perlman", "Cerf")


def body(number: int) -> dict[str, Any]:
    """The POST of one user."""
    first, last = _FIRST[number % 10], f"{_LAST[number // 10 % 10]}{number % 997}"
    name = f"{first}.{last}.{number}".lower()
    return {
        "accountEnabled": number % 50 > 0,
        "displayName": f"{first} {last}",
        "givenName": first,
        "surname": last,
        "mailNickname": name,
        "userPrincipalName": f"{name}@acme.example",
        "mail": f"{name}@acme.example",
        "employeeId": f"{number:08d}",
        "department": f"Department {number % 2000}",
        "jobTitle": f"Title {number % 300}",
        "officeLocation": f"Building {number % 40}",
        "city": "Bern",
        "usageLocation": "CH",
        "passwordProfile": {"password": "Wd4-kettle-Tulip"},
    }


# --- the million


def load(folder: Path) -> tuple[float, float]:
    """Make the users: seconds that the last tenth took, and that the rows of the tenth before took by themselves.

    All others are written as bare rows, too: the same ones, and nobody waits for what is not measured.
    """
    tenth = max(1, COUNT // 10)
    with Directory.open("sqlite:///.muster/state.db", folder, Settings("acme", ("acme.example",))) as directory:
        bare_rows(directory, range(COUNT - 2 * tenth))
        floor = bare_rows(directory, range(COUNT - 2 * tenth, COUNT - tenth))
        with timed() as seconds:
            for batch in chunks(range(COUNT - tenth, COUNT), BATCH):
                with directory.write() as work:
                    create_users(work, (body(number) for number in batch))
        _settle(directory.database)
    return seconds[0], floor


def bare_rows(directory: Directory, numbers: range) -> float:
    """Write the rows of these users without the rules; the seconds that writing them took."""
    taken = 0.0
    for batch in chunks(numbers, BATCH):
        with directory.write() as work:
            _, tables = new_rows(work, Kind.USER, [_document(number) for number in batch])
            start = time.perf_counter()
            for table, (columns, rows) in tables.items():
                work.session.insert(table, columns, rows)
        taken += time.perf_counter() - start
    return taken


def _document(number: int) -> dict[str, Any]:
    name = SCHEMAS[Kind.USER].properties
    values = {key: value for key, value in body(number).items() if key in name and key != "passwordProfile"}
    profile = {"forceChangePasswordNextSignIn": True}
    return {**values, "userType": "Member", "proxyAddresses": [f"SMTP:{values['mail']}"], "passwordProfile": profile}


def _settle(database: Database) -> None:
    """What was written is in the file itself, not in the log beside it."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


class Loaded(MusterServer):
    """`muster serve` over the million."""

    def prepare(self) -> None:
        """Make the users first."""
        self.seconds, self.floor = apart(load, self.folder)
        super().prepare()


# --- questions


class Asker:
    """One client, and bare SQL over the same file."""

    def __init__(self, server: MusterServer) -> None:
        self.server = server
        self.client = server.authorized()
        self.database = sqlite3.connect(f"file:{server.folder}/.muster/directory.db?mode=ro", uri=True)
        self.database.execute("PRAGMA mmap_size = 268435456")
        self.dice = random.Random(1)
        highest = self.database.execute("SELECT MAX(id) FROM dir_object").fetchone()[0]
        numbers = [(number,) for number in self.dice.sample(range(2, highest + 1), TIMES)]
        sql = "SELECT guid, json_extract(doc, '$.userPrincipalName') FROM dir_object WHERE id = ?"
        self.some = [self.database.execute(sql, number).fetchone() for number in numbers]

    def get(self, path: str, **options: Any) -> httpx.Response:
        answer = self.client.get(
            f"/v1.0{path}", params={f"${key}": str(value) for key, value in options.items()}, headers=EVENTUAL
        )
        if not answer.is_success:
            raise AssertionError(answer.text)
        return answer

    def link(self, url: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(url).raise_for_status().json()
        return found

    def send(self, method: str, path: str, document: Any) -> Any:
        answer = self.client.request(
            method,
            f"/v1.0{path}",
            content=orjson.dumps(document),
            headers={"Content-Type": "application/json"},
        )
        if not answer.is_success:
            raise AssertionError(answer.text)
        return orjson.loads(answer.content) if answer.content else None

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.database.execute(sql, values).fetchall()


def asked(
    name: str, ask: Callable[[], object], floor: Callable[[], object], limit: float | None = None, times: int = TIMES
) -> Measured:
    """The median of many askings, in milliseconds, beside the floor's. `limit`: what it should be below."""
    taken, bare = _median(ask, times), _median(floor, times)
    note = f"the slowest of a hundred: {taken[1] * 1000:.2f} ms" + (f"; to be below {limit:g} ms" if limit else "")
    return Measured(
        name, round(taken[0] * 1000, 2), "ms", round(bare[0] * 1000, 3), round(taken[0] / bare[0], 1), note=note
    )


def _median(work: Callable[[], object], times: int) -> tuple[float, float]:
    found: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return statistics.median(found), sorted(found)[int(len(found) * 0.99)]


def reads(of: Asker) -> Iterator[Measured]:
    """One user, pages, filters, searches, counts."""
    guids, names = ([row[place] for row in of.some] for place in (0, 1))
    pick = of.dice.choice
    yield asked("the wire alone", lambda: of.client.get("/common/discovery/instance"), lambda: of.rows("SELECT 1"))
    by_id = f"{SHOWN} WHERE o.guid = ?"
    yield asked("a user by id", lambda: of.get(f"/users/{pick(guids)}"), lambda: of.rows(by_id, pick(guids)), limit=5)
    by_name = f"{KEYED} AND k.key = ?"
    yield asked(
        "a user by userPrincipalName",
        lambda: of.get(f"/users/{pick(names)}"),
        lambda: of.rows(by_name, index("userPrincipalName"), pick(names)),
        limit=5,
    )
    first = of.get("/users", top=999).json()["@odata.nextLink"]
    page = f"{SHOWN} WHERE o.state = 0 AND o.kind = 1 AND o.id > ? ORDER BY o.id LIMIT 1000"
    yield asked("a page of 999", lambda: of.link(first), lambda: of.rows(page, 1000), limit=100, times=30)
    yield asked(
        "a delta page of 999", lambda: of.get("/users/delta", top=999), lambda: of.rows(page, 0), limit=100, times=30
    )
    yield from _queries(of)
    counted = "SELECT COUNT(*) FROM dir_object o WHERE o.state = 0 AND o.kind = 1"
    yield asked("$count of all users", lambda: of.get("/users/$count"), lambda: of.rows(counted), times=20)


def _queries(of: Asker) -> Iterator[Measured]:
    few = f"{KEYED} AND k.key = ? ORDER BY k.object LIMIT 101"
    many = f"{KEYED} AND k.key >= ? AND k.key < ? ORDER BY k.key, k.object LIMIT 101"
    name, words = index("displayName"), SCHEMAS[Kind.USER].code(WORDS_OF_NAME)

    def department() -> str:
        return f"Department {of.dice.randrange(min(COUNT, 2000))}"

    yield asked(
        "$filter by a department",
        lambda: of.get("/users", filter=f"department eq '{department()}'"),
        lambda: of.rows(few, index("department"), department().lower()),
    )
    both = "startsWith(displayName,'Ada') and accountEnabled eq true"
    yield asked(
        "$filter by the beginning of a name",
        lambda: of.get("/users", filter=both),
        lambda: of.rows(many, name, "ada", "adb"),
    )

    def surname() -> str:
        return str(body(of.dice.randrange(COUNT))["surname"])

    yield asked(
        "$search for a surname",
        lambda: of.get("/users", search=f'"displayName:{surname()}"'),
        lambda: of.rows(few, words, surname().lower()),
    )
    yield asked(
        "$search for a first name",
        lambda: of.get("/users", search='"displayName:ada"'),
        lambda: of.rows(many, words, "ada", "adb"),
    )


def index(name: str) -> int:
    """The number of the index of a property of users."""
    return SCHEMAS[Kind.USER].code(SCHEMAS[Kind.USER].properties[name].index)


def changes(of: Asker) -> Iterator[Measured]:
    """What one change among a million costs who follows the changes."""
    token = of.get("/users/delta", deltatoken="latest").json()["@odata.deltaLink"]
    guids = [row[0] for row in of.some]

    def change() -> None:
        nonlocal token
        guid = of.dice.choice(guids)
        of.send("PATCH", f"/users/{guid}", {"jobTitle": f"Title {of.dice.random()}"})
        found = of.link(token)
        if [one["id"] for one in found["value"]] != [guid]:
            raise AssertionError(f"{len(found['value'])} changes, not one")
        token = found["@odata.deltaLink"]

    last = f"{SHOWN} WHERE o.kind = 1 ORDER BY o.seq DESC LIMIT 1"
    yield asked("one change and its delta", change, lambda: of.rows(last))
    yield asked("a delta of nothing", lambda: of.link(token), lambda: of.rows(last))


# --- writes


def batch(parts: Sequence[tuple[str, str, Any]]) -> dict[str, Any]:
    """A `$batch` of requests."""
    headers = {"Content-Type": "application/json"}
    return {
        "requests": [
            {"id": str(number), "method": method, "url": url, "headers": headers, "body": document}
            for number, (method, url, document) in enumerate(parts)
        ]
    }


def done(answer: Any) -> list[Any]:
    """The bodies of a batch in which nothing failed."""
    bad = [one for one in answer["responses"] if one["status"] >= 400]
    if bad:
        raise AssertionError(bad[0])
    return [one.get("body") for one in answer["responses"]]


def people(of: Asker) -> Iterator[Measured]:
    """More users, by batches of twenty."""
    with timed() as seconds:
        for numbers in chunks(range(COUNT, COUNT + MADE), 20):
            done(of.send("POST", "/$batch", batch([("POST", "/users", body(number)) for number in numbers])))
    yield Measured("users made in batches", round(MADE / seconds[0], 1), "users/s", note=f"beside {COUNT}; one client")


def group(of: Asker) -> Iterator[Measured]:
    """A group that is filled, gets one more, and is followed."""
    base = of.server.graph
    document = {"displayName": "everybody", "mailEnabled": False, "mailNickname": "everybody", "securityEnabled": True}
    guid = of.send("POST", "/groups", document)["id"]
    everybody = [
        row[0] for row in of.rows("SELECT guid FROM dir_object WHERE kind = 1 ORDER BY id LIMIT ?", MEMBERS + TIMES)
    ]
    with timed() as seconds:
        for wanted in chunks(chunks(everybody[:MEMBERS], 20), 20):
            parts = [
                ("PATCH", f"/groups/{guid}", {"members@odata.bind": [f"{base}/directoryObjects/{one}" for one in some]})
                for some in wanted
            ]
            done(of.send("POST", "/$batch", batch(parts)))
    floor = _bare_edges(of)
    yield Measured(
        "a group filled",
        round(seconds[0], 2),
        "s",
        round(floor, 2),
        round(seconds[0] / floor, 1),
        note=f"{MEMBERS} members, twenty a request, twenty requests a batch",
    )
    more = iter(everybody[MEMBERS:] or everybody)
    edge = "SELECT * FROM dir_edge WHERE relation = 1 AND owner = ? AND member > ? LIMIT 1"
    link = of.get("/groups/delta", deltatoken="latest", select="members").json()["@odata.deltaLink"]

    def add() -> None:
        nonlocal link
        one = next(more)
        of.send("POST", f"/groups/{guid}/members/$ref", {"@odata.id": f"{base}/directoryObjects/{one}"})
        found = of.link(link)
        if [each["id"] for each in found["value"][0]["members@delta"]] != [one]:
            raise AssertionError("the delta does not tell the one member")
        link = found["@odata.deltaLink"]

    number = of.rows("SELECT id FROM dir_object WHERE guid = ?", guid)[0][0]
    if COUNT > MEMBERS:
        yield asked(
            "one member more and its delta", add, lambda: of.rows(edge, number, 0), times=min(TIMES, COUNT - MEMBERS)
        )
    members = (
        f"{SHOWN} JOIN dir_edge e ON e.member = o.id WHERE e.relation = 1 AND e.owner = ? AND e.state = 0 "
        "ORDER BY e.member LIMIT 1000"
    )
    yield asked(
        "a page of 999 members",
        lambda: of.get(f"/groups/{guid}/members", top=999),
        lambda: of.rows(members, number),
        limit=100,
        times=30,
    )
    counted = "SELECT COUNT(*) FROM dir_edge WHERE relation = 1 AND owner = ? AND state = 0"
    yield asked(
        "$count of the members",
        lambda: of.get(f"/groups/{guid}/members/$count"),
        lambda: of.rows(counted, number),
        times=20,
    )


def _bare_edges(of: Asker) -> float:
    """Seconds to write as many edges to an empty table of the same form, a commit for each batch."""
    path = of.server.folder / "edges.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    for (sql,) in of.rows(
        "SELECT sql FROM sqlite_master WHERE tbl_name = 'dir_edge' AND sql IS NOT NULL ORDER BY type DESC"
    ):
        database.execute(sql)
    with timed() as seconds:
        for numbers in chunks(range(MEMBERS), 400):
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO dir_edge VALUES (1, 1, ?, 1, 0, ?)", [(one, one) for one in numbers])
            database.execute("COMMIT")
    database.close()
    return seconds[0]


def measure() -> Iterator[Measured]:
    """Load, serve, ask."""
    with Loaded() as server:
        yield Measured(
            "users loaded",
            round(COUNT / 10 / server.seconds, 1),
            "users/s",
            round(COUNT / 10 / server.floor, 1),
            round(server.seconds / server.floor, 2),
            note=f"the last tenth of {COUNT} users; the floor inserts the rows of the tenth before",
        )
        of = Asker(server)
        for part in (reads, changes, group, people):
            yield from partial(part, of)()
        of.database.close()
        of.client.close()
