"""The mark of a server: set, sealed, forgotten in part; on both stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.model.errors import StoreError
from muster.store.audit import verify
from muster.store.opening import open_other_store, open_store
from muster.store.servers import Mark, decide_server, mark_of, note_told, obey_the_file_again


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


def test_the_last_decision_counts_and_every_one_is_sealed(url: str) -> None:
    with open_store(url, Path()) as database:
        with database.read() as session:
            assert mark_of(session) is None
        demoted = Mark(False, 1, "ann", "moving", "/green on b")
        promoted = Mark(True, 2, "bob", "back", "/green on b", despite=database.shown, owes="/green")
        for mark in (demoted, promoted):
            with database.write() as session:
                decide_server(session, mark, rehearsed=False)
            with database.read() as session:
                assert mark_of(session) == mark
        with database.read() as session:
            assert list(verify(session)) == []
            assert session.rows("SELECT what FROM audit ORDER BY seq") == [("staging demote",), ("staging promote",)]
        with database.write() as session:
            note_told(session)
            obey_the_file_again(session)
        with database.read() as session:
            assert mark_of(session) == Mark(True, 2, "bob", "back", "/green on b")
        with database.write() as session:
            session.run("UPDATE decided SET made_by = 'eve' WHERE made_by = 'ann'")
        with database.read() as session:
            assert [breach.seq for breach in verify(session)] == [1]


def test_the_store_of_another_server_is_opened_as_it_is_or_not_at_all(url: str) -> None:
    with pytest.raises(StoreError, match=r"not there yet|not made yet"):
        open_other_store(url, Path())
    open_store(url, Path()).close()
    with open_other_store(url, Path()) as database, database.write() as session:
        session.run("UPDATE store_version SET version_num = '0000'")
    with pytest.raises(StoreError, match="only its own server may change that"):
        open_other_store(url, Path())
