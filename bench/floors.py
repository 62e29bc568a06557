"""Bare loops that do the least the same work can take: read, digest, evaluate, write the same rows, nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from xxhash import xxh3_64_hexdigest

from bench.company import SOURCE, TARGET
from muster.connectors.kit.memory_system import MemorySystem
from muster.expressions import Context, Program, compile_expression, compile_program
from muster.model.values import Document
from muster.store.codec import digest, encode
from muster.store.database import Database, chunks
from muster.store.opening import open_store

BATCH = 5000


def _flows(mapping: str) -> Program:
    """The flows of a mapping text as one program."""
    lines = mapping.partition("flows:\n")[2].splitlines()
    texts = [line.partition(": ")[2].strip().strip("'") for line in lines if line.strip()]
    return compile_program([compile_expression(text) for text in texts])


def _names(mapping: str) -> list[str]:
    lines = mapping.partition("flows:\n")[2].splitlines()
    return [line.partition(": ")[0].strip() for line in lines if line.strip()]


def _rows(system: MemorySystem, kind: str) -> Iterable[tuple[str, Document]]:
    for anchor, stored in system.listed(kind, None):
        if stored is not None:
            yield anchor, dict(stored.values)


_OBJECT = (
    *("id", "space", "anchor", "part", "doc", "digest", "mapping", "identity"),
    *("made", "wrote", "stick", "gone", "dirty"),
)
_IDENTITY = ("id", "uid", "type", "doc", "origin", "leaving", "dirty")
_CHANGE = (
    *("id", "run", "space", "mapping", "identity", "action", "anchor", "rank", "waits"),
    *("state", "at", "seal", "sealed"),
)
SOURCE_READS = (
    *("building", "city", "company", "country", "dept", "first", "id", "kind", "lang", "last"),
    *("mobile", "status", "street", "title", "zip"),
)
"""What the flows read: all that a store keeps of a row."""
_TARGETS = 1 << 30
_NOW = 1_772_442_000_000_000
_ORIGIN = b'{"*":1}'
_STICK = b'{"*":[1,1]}'


def first_run_floor(system: MemorySystem, folder: Path, name: str) -> float:
    """Seconds to digest every row, evaluate 40 flows for it and write the rows that a first run leaves.

    The same rows in the same tables, column for column, in a new store of that name; it is opened and closed within
    the time, as a run does: what is written last reaches the file when it closes.
    """
    start = time.perf_counter()
    database = open_store(f"sqlite:///{name}", folder)
    try:
        _write_first_run(system, database)
    finally:
        database.close()
    return time.perf_counter() - start


def _write_first_run(system: MemorySystem, database: Database) -> None:
    inbound, outbound = _flows(SOURCE), _flows(TARGET)
    inbound_names, outbound_names = _names(SOURCE), _names(TARGET)
    context = Context()
    number = 0
    for batch in chunks(_rows(system, "worker"), BATCH):
        tables: dict[str, list[tuple[Any, ...]]] = {
            name: []
            for name in ("object", "object_key", "identity", "identity_key", "presence", "change", "payload", "target")
        }
        for anchor, row in batch:
            number += 1
            data = encode({name: row[name] for name in SOURCE_READS})
            tables["object"].append((number, 1, anchor, "", data, digest(data), 1, number, 0, None, None, 0, 0))
            values = dict(zip(inbound_names, inbound.run(row, context), strict=True))
            uid = xxh3_64_hexdigest(f"hr/worker/{anchor}".encode())
            tables["identity"].append((number, uid, "person", encode(values), _ORIGIN, 0, 0))
            tables["object_key"].append((1, anchor, number))
            tables["identity_key"].append((1, anchor, number, 1))
            account = dict(zip(outbound_names, outbound.run(values, context), strict=True))
            account["enabled"] = True
            payload = encode({"values": account, "was": {}, "reason": _reason(anchor)})
            tables["presence"].append((number, 2, 1, _NOW, 0))
            seal = _seal(number, anchor, payload)
            tables["change"].append((number, 1, 2, 2, number, "create", anchor, 1000, 0, 2, _NOW, seal, 1))
            tables["payload"].append((number, payload))
            data = encode(account)
            own = _TARGETS + number
            tables["target"].append((own, 2, anchor, "", data, digest(data), 2, number, 1, data, _STICK, 0, 0))
        _insert(database, tables)


def _seal(number: int, anchor: str, payload: bytes) -> bytes:
    """What the audit trail keeps of a change."""
    personal = sha256(orjson.dumps([anchor, None]) + payload).digest()
    return sha256(orjson.dumps([number, 2, 2, number, None, "create", 2, _NOW]) + personal).digest()


def _reason(anchor: str) -> Document:
    source: Any = {"system": "hr", "object": "worker", "anchor": anchor, "attribute": "active"}
    return {"mapping": "mappings/app-account.yaml", "line": 7, "rule": "provision", "source": source}


def _insert(database: Database, tables: dict[str, list[tuple[Any, ...]]]) -> None:
    columns: dict[str, tuple[str, Sequence[str]]] = {
        "object": ("object", _OBJECT),
        "object_key": ("object_key", ("sig", "key", "object")),
        "identity": ("identity", _IDENTITY),
        "identity_key": ("identity_key", ("sig", "key", "identity", "since")),
        "presence": ("presence", ("identity", "mapping", "wanted", "since", "step")),
        "change": ("change", _CHANGE),
        "payload": ("payload", ("change", "doc")),
        "target": ("object", _OBJECT),
    }
    with database.write() as session:
        for name, rows in tables.items():
            session.insert(*columns[name], rows)


def unchanged_floor(systems: Sequence[tuple[MemorySystem, str]], database: Database) -> float:
    """Seconds to read every object, digest it and look its digest up."""
    start = time.perf_counter()
    for space, (system, kind) in enumerate(systems, 1):
        for batch in chunks(_rows(system, kind), BATCH):
            with database.read() as session:
                known = {
                    row[0]: row[1]
                    for row in session.rows(
                        "SELECT anchor, digest FROM object WHERE space = ? AND anchor IN ?t",
                        space,
                        [anchor for anchor, _ in batch],
                    )
                }
            for anchor, row in batch:
                if known.get(anchor) != digest(encode(row)):
                    continue
    return time.perf_counter() - start
