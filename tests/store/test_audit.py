"""The audit trail: everything that was sent is sealed with its reason, and whoever touches it later is found out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.app.muster import Muster
from muster.store.audit import (
    Breach,
    Decision,
    Done,
    Head,
    erase,
    erase_decisions,
    head,
    is_erased,
    record,
    record_decisions,
    verify,
)
from muster.store.database import Database, Session
from muster.store.opening import open_store
from tests.stories.company import Company

RUN = 1


def fill(session: Session, records: int = 3, changes: int = 3, rehearsed: int = 0) -> None:
    """A chain of some records of some changes each."""
    session.insert("run", ("id", "verb", "started", "rehearsed", "state"), [(RUN, "run", 0, rehearsed, "running")])
    done = [
        Done(n, 1, 2, n, n, "update", 2, orjson.dumps({"values": {"name": f"N{n}"}}), f"a{n}", None)
        for n in range(1, records * changes + 1)
    ]
    session.insert(
        "change",
        (
            "id",
            "run",
            "space",
            "mapping",
            "identity",
            "object",
            "action",
            "rank",
            "waits",
            "state",
        ),
        [(d.id, RUN, d.space, d.mapping, d.identity, d.object, d.action, 0, 0, 1) for d in done],
    )
    session.insert("payload", ("change", "doc"), [(d.id, d.payload) for d in done])
    session.insert(
        "edge_change",
        ("change", "attribute", "target", "text", "remove"),
        [(2, 1, n, f"cn={n},dc=x", n % 2) for n in (4, 5)],
    )
    for start in range(0, len(done), changes):
        record(session, at=1000 + start, run=RUN, what="export app", changes=done[start : start + changes])


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = "sqlite:///state.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_store(url, tmp_path) as found:
        with found.write() as session:
            fill(session)
        yield found


def breaches(database: Database, noted: Head | None = None) -> list[Breach]:
    with database.read() as session:
        return list(verify(session, noted))


def alter(database: Database, *statements: str) -> list[Breach]:
    with database.write() as session:
        for statement in statements:
            assert session.run(statement) > 0
    return breaches(database)


def test_a_chain_that_nobody_touched_verifies(database: Database) -> None:
    assert breaches(database) == []
    with database.read() as session:
        assert head(session).seq == 3
        assert session.value("SELECT COUNT(*) FROM change WHERE sealed IS NOT NULL") == 9


@pytest.mark.parametrize(
    "change",
    ["anchor = 'else'", "action = 'delete'", "identity = 9", "mapping = 9", "space = 9", "object = 9", "state = 3",
     "at = 5", "reason = 'because'", "sealed = 3", "seal = NULL"],
)  # fmt: skip
def test_an_altered_change_is_detected(database: Database, change: str) -> None:
    found = alter(database, f"UPDATE change SET {change} WHERE id = 2")
    assert found
    assert all(breach.seq in (1, 3) for breach in found)


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM edge_change WHERE target = 4", "UPDATE edge_change SET remove = 1 WHERE target = 4",
     "UPDATE edge_change SET text = 'cn=me' WHERE target = 4", "UPDATE edge_change SET change = 3 WHERE target = 4"],
)  # fmt: skip
def test_an_altered_membership_is_detected(database: Database, statement: str) -> None:
    assert "change 2 of record 1 was altered" in [breach.message for breach in alter(database, statement)]


@pytest.mark.parametrize(
    "change", ["at = 5", "run = 9", "rehearsed = 1", "what = 'nothing'", "body = hash", "hash = body"]
)
def test_an_altered_record_is_detected(database: Database, change: str) -> None:
    assert 2 in {breach.seq for breach in alter(database, f"UPDATE audit SET {change} WHERE seq = 2")}


def test_a_change_that_was_deleted_is_detected(database: Database) -> None:
    found = alter(database, "DELETE FROM change WHERE id = 5")
    assert [breach.message for breach in found] == ["the changes of record 2 are not those that were sealed"]


def test_a_record_that_was_deleted_is_detected(database: Database) -> None:
    found = alter(database, "DELETE FROM audit WHERE seq = 2")
    assert "record 2 is missing" in [breach.message for breach in found]


def test_a_deleted_record_is_detected_even_with_its_changes_and_new_numbers(database: Database) -> None:
    found = alter(
        database,
        "DELETE FROM change WHERE sealed = 2",
        "DELETE FROM audit WHERE seq = 2",
        "UPDATE change SET sealed = 2 WHERE sealed = 3",
        "UPDATE audit SET seq = 2 WHERE seq = 3",
    )
    assert [breach.message for breach in found] == ["record 2 does not follow from the one before it"]


def test_another_order_is_detected(database: Database) -> None:
    found = alter(
        database,
        "UPDATE audit SET seq = 99 WHERE seq = 1",
        "UPDATE audit SET seq = 1 WHERE seq = 2",
        "UPDATE audit SET seq = 2 WHERE seq = 99",
        "UPDATE change SET sealed = 3 - sealed WHERE sealed < 3",
    )
    assert {1, 2} <= {breach.seq for breach in found}


def test_an_end_that_was_cut_off_leaves_changes_in_no_record(database: Database) -> None:
    found = alter(database, "DELETE FROM audit WHERE seq = 3")
    assert [breach.message for breach in found] == [f"change {n} stands in no record of the chain" for n in (7, 8, 9)]


def test_an_end_that_was_cut_off_with_its_changes_is_detected_by_a_head_that_was_noted(database: Database) -> None:
    with database.read() as session:
        noted = head(session)
    assert alter(database, "DELETE FROM audit WHERE seq = 3", "DELETE FROM change WHERE sealed = 3") == []
    assert [breach.message for breach in breaches(database, noted)] == [
        "the chain ends before record 3, which was noted"
    ]


def test_a_chain_that_was_written_anew_is_detected_by_a_head_that_was_noted(tmp_path: Path) -> None:
    heads = []
    for name, changes in (("true", 3), ("false", 2)):
        with open_store(f"sqlite:///{name}.db", tmp_path) as database:
            with database.write() as session:
                fill(session, changes=changes)
                heads.append(head(session))
            assert breaches(database) == []
            assert bool(breaches(database, heads[0])) is (name == "false")


@pytest.mark.parametrize(
    "statement",
    ["UPDATE payload SET doc = (SELECT doc FROM payload WHERE change = 3) WHERE change = 2",
     "DELETE FROM payload WHERE change = 2"],
)  # fmt: skip
def test_a_payload_that_was_altered_or_taken_away_is_detected(database: Database, statement: str) -> None:
    assert [breach.seq for breach in alter(database, statement)] == [1]


def test_a_change_that_was_slipped_in_is_detected(database: Database) -> None:
    columns = "run, space, mapping, identity, object, action, anchor, rank, waits, state, seal, reason, at"
    copy = f"INSERT INTO change (id, sealed, {columns}) SELECT 77, {{}}, {columns} FROM change WHERE id = 2"
    assert [b.message for b in alter(database, copy.format("NULL"))] == ["change 77 stands in no record of the chain"]
    assert alter(database, "UPDATE change SET sealed = 1 WHERE id = 77")


def test_an_erased_payload_keeps_the_chain_verifiable(database: Database) -> None:
    with database.write() as session:
        erase(session, [2, 5])
        rows = session.rows(
            "SELECT p.doc, c.anchor, c.reason FROM change c JOIN payload p ON p.change = c.id WHERE c.id IN ?i", [2, 5]
        )
        assert all(is_erased(row[0]) and row[1:] == (None, None) for row in rows)
        assert not any(b"N2" in bytes(row[0]) or b"N5" in bytes(row[0]) for row in rows)
        assert session.rows("SELECT * FROM edge_change") == []
        before = session.rows("SELECT * FROM payload ORDER BY change")
        erase(session, [2])
        assert session.rows("SELECT * FROM payload ORDER BY change") == before
    assert breaches(database) == []


def test_what_is_left_of_an_erased_change_cannot_be_altered(database: Database) -> None:
    with database.write() as session:
        erase(session, [2])
    members = "INSERT INTO edge_change (change, attribute, target, text, remove) VALUES (2, 1, 9, 'cn=9', 0)"
    assert alter(database, members)
    assert alter(database, "DELETE FROM edge_change") == []
    assert alter(database, "UPDATE change SET action = 'create' WHERE id = 2")


def test_a_change_that_is_not_sealed_yet_cannot_be_erased(database: Database) -> None:
    with database.write() as session:
        session.run("UPDATE change SET sealed = NULL, state = 0 WHERE id = 9")
        erase(session, [9])
        assert not is_erased(session.value("SELECT doc FROM payload WHERE change = 9"))


def decide(database: Database) -> None:
    """Two decisions of one person in one record, and one of another after them."""
    one, two = (Decision("refuse", "ann", 5, who, None, orjson.dumps({"why": f"not {who}"})) for who in (1, 2))
    with database.write() as session:
        record_decisions(session, [one, two], at=2000, rehearsed=False)
        record_decisions(session, [Decision("merge", "bo", None, 1, 2, b"{}")], at=3000, rehearsed=True)


def test_decisions_are_links_of_the_chain(database: Database) -> None:
    decide(database)
    assert breaches(database) == []
    with database.read() as session:
        assert session.rows("SELECT seq, at, rehearsed, what FROM audit WHERE seq > 3 ORDER BY seq") == [
            (4, 2000, 0, "joins refuse"), (5, 3000, 1, "joins merge")
        ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    ["kind = 'accept'", "made_by = 'bo'", "at = 5", "object = 9", "identity = 9", "other = 9", "payload = seal",
     "seal = payload", "sealed = 5", "sealed = 9", "id = 9"],
)  # fmt: skip
def test_an_altered_decision_is_detected(database: Database, change: str) -> None:
    decide(database)
    assert alter(database, f"UPDATE decided SET {change} WHERE id = 2")


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM decided WHERE id = 2", "DELETE FROM decided", "DELETE FROM audit WHERE seq = 5",
     "INSERT INTO decided SELECT 7, kind, made_by, at, object, identity, other, payload, seal, sealed FROM decided "
     "WHERE id = 1"],
)  # fmt: skip
def test_a_decision_that_was_left_out_or_slipped_in_is_detected(database: Database, statement: str) -> None:
    decide(database)
    assert alter(database, statement)


def test_an_erased_decision_keeps_the_chain_verifiable(database: Database) -> None:
    decide(database)
    with database.write() as session:
        erase_decisions(session, [1])
        erase_decisions(session, [1])
        kept, erased = (
            session.value("SELECT payload FROM decided WHERE id = 2"),
            session.value("SELECT payload FROM decided WHERE id = 1"),
        )
        assert (is_erased(erased), b"not 1" in bytes(erased), b"not 2" in bytes(kept)) == (True, False, True)
    assert breaches(database) == []
    assert alter(database, "UPDATE decided SET made_by = 'bo' WHERE id = 1")


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_byte_of_any_payload_or_hash_that_is_altered_is_detected(data: st.DataObject) -> None:
    with open_store("sqlite://", Path()) as database:
        with database.write() as session:
            fill(session)
        decide(database)
        with database.write() as session:
            table, key, column = data.draw(
                st.sampled_from(
                    [("payload", "change", "doc"), ("change", "id", "seal"), ("audit", "seq", "body"),
                     ("audit", "seq", "hash"), ("decided", "id", "payload"), ("decided", "id", "seal")]
                )
            )  # fmt: skip
            rows = session.rows(f"SELECT {key}, {column} FROM {table}")
            number, value = data.draw(st.sampled_from(rows))
            altered = bytearray(value)
            position = data.draw(st.integers(0, len(altered) - 1))
            altered[position] ^= data.draw(st.integers(1, 255))
            session.run(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", bytes(altered), number)
        assert breaches(database)


# --- through the whole program


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    found = Company(tmp_path)
    yield found
    found.world.close()


def sealed(muster: Muster) -> list[dict[str, Any]]:
    with muster.database.read() as session:
        rows = session.rows(
            "SELECT c.action, c.anchor, p.doc, c.state, a.what, a.rehearsed FROM change c "
            "JOIN payload p ON p.change = c.id LEFT JOIN audit a ON a.seq = c.sealed WHERE c.state > 1 ORDER BY c.id"
        )
    names = ("action", "anchor", "payload", "state", "what", "rehearsed")
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_every_written_change_has_a_sealed_reason_after_every_run(company: Company) -> None:
    written: set[tuple[str, str]] = set()
    for day in company.days():
        day()
        result = company.world.run()
        written |= {(change["action"], change["anchor"]) for change in result["changes"]}
        with company.world.muster() as muster:
            assert breaches(muster.database) == []
            found = sealed(muster)
        assert written <= {(one["action"], one["anchor"]) for one in found}
        for one in found:
            reason = orjson.loads(one["payload"])["reason"]
            assert one["what"].startswith("export ")
            assert reason["mapping"].startswith("mappings/")
            assert reason["line"] > 0
            assert reason["rule"]
    assert len(written) > 15


def test_a_change_that_a_system_refused_is_sealed_as_refused(company: Company) -> None:
    company.accounts.system.faults.reject.add("bo.dahl")
    company.world.run()
    with company.world.muster() as muster:
        assert breaches(muster.database) == []
        refused = [one for one in sealed(muster) if one["anchor"] == "bo.dahl"]
    assert [one["state"] for one in refused] == [3]


def test_what_was_sent_before_an_interruption_is_sealed_by_the_next_run(company: Company) -> None:
    system = company.accounts.system
    write = system.put

    def put(kind: str, anchor: str, values: Any) -> Any:
        stored = write(kind, anchor, values)
        if anchor == "cy.young":
            raise KeyboardInterrupt
        return stored

    system.put = put  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        company.world.run()
    system.put = write  # type: ignore[method-assign]
    company.world.run()
    with company.world.muster() as muster, muster.database.read() as session:
        assert list(verify(session)) == []
        reasons = session.rows("SELECT anchor, reason FROM change WHERE action = 'create' AND anchor = 'cy.young'")
    assert reasons == [("cy.young", "found done after an interruption")]


def test_a_run_under_a_clock_that_was_set_says_so_in_its_sealed_record(company: Company) -> None:
    company.world.run()
    with company.world.muster() as muster:
        assert {one["rehearsed"] for one in sealed(muster)} == {1}
        assert alter(muster.database, "UPDATE audit SET rehearsed = 0 WHERE seq = 1")


def test_a_run_under_the_real_clock_says_so_in_its_sealed_record(company: Company) -> None:
    with Muster.open(company.world.folder) as muster:
        muster.run()
        assert {one["rehearsed"] for one in sealed(muster)} == {0}
