"""Leases: one run at a time; a dead one keeps nobody waiting; one that slept too long does no harm."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from muster.model.errors import LeaseRefused
from muster.store.database import Database
from muster.store.leases import Patience, leased
from muster.store.opening import open_store


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = "sqlite:///state.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_store(url, tmp_path) as found:
        yield found


def hold(database: Database, name: str, *, seconds: int = 45, **holder: object) -> None:
    """A lease of somebody else."""
    token = {"host": "elsewhere", "pid": 7, "born": "1", "verb": "run", "since": "2026-03-02 09:00:00", **holder}
    with database.write() as session:
        session.upsert(
            "lease",
            ("name", "holder", "expires"),
            ("name",),
            [(name, orjson.dumps(token).decode(), int(time.time()) + seconds)],
        )


def write_for(database: Database, seconds: int) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with database.write() as session:
            session.run("DELETE FROM spent")


def names(database: Database) -> list[str]:
    with database.read() as session:
        return [row[0] for row in session.rows("SELECT name FROM lease ORDER BY name")]


def test_leases_are_held_while_the_block_runs_and_given_back(database: Database) -> None:
    with leased(database, ["system hr", "project"], "run"):
        assert names(database) == ["project", "system hr"]
    assert names(database) == []


def test_leases_are_given_back_when_the_block_fails(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), leased(database, ["project"], "run"):
        raise ZeroDivisionError
    assert names(database) == []


def test_a_second_run_is_refused_at_once_and_told_who_holds_it(database: Database) -> None:
    with (
        leased(database, ["project"], "run"),
        pytest.raises(LeaseRefused, match=rf"project is being worked on by `muster run` \(process {os.getpid()} on "),
        leased(database, ["project"], "plan"),
    ):
        pass
    assert names(database) == []


def test_who_has_patience_is_told_once_whom_it_waits_for_and_takes_the_lease_when_it_is_free(
    database: Database,
) -> None:
    hold(database, "project")
    told: list[str] = []

    def tell(why: str) -> None:
        told.append(why)
        with database.write() as session:
            session.run("DELETE FROM lease")

    with leased(database, ["project"], "provision", Patience(60, tell)):
        assert names(database) == ["project"]
    assert [why.partition(" (")[0] for why in told] == ["project is being worked on by `muster run`"]
    hold(database, "project")
    with pytest.raises(LeaseRefused), leased(database, ["project"], "provision", Patience(0.01)):
        pass


def test_a_refused_run_leaves_the_other_leases_as_they_were(database: Database) -> None:
    hold(database, "system hr")
    with (
        pytest.raises(LeaseRefused, match=r"system hr .* on elsewhere"),
        leased(database, ["project", "system hr"], "run"),
    ):
        pass
    assert names(database) == ["system hr"]


def test_a_lease_of_another_machine_lapses_when_its_time_is_over(database: Database) -> None:
    hold(database, "project", seconds=-1)
    with leased(database, ["project"], "run"):
        assert names(database) == ["project"]


def test_a_dead_process_of_this_machine_holds_nothing(database: Database, tmp_path: Path) -> None:
    program = (
        "import os, signal; from pathlib import Path; from muster.store.leases import Patience, leased\n"
        "from muster.store.opening import open_store\n"
        f"database = open_store({database.url.render_as_string(hide_password=False)!r}, Path())\n"
        "with leased(database, ['project'], 'run'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert names(database) == ["project"]
    with leased(database, ["project"], "run"):
        pass
    assert names(database) == []


def test_who_slept_past_its_lease_and_was_followed_can_write_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster.store.leases._RENEW", 0.01)
    with leased(database, ["project"], "run"):
        hold(database, "project")
        with pytest.raises(LeaseRefused, match="another one has taken its place"):
            write_for(database, 30)
    assert names(database) == ["project"]


def test_a_lease_is_renewed_while_the_block_runs(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muster.store.leases._RENEW", 0.01)
    with leased(database, ["project"], "run"):
        with database.write() as session:
            session.run("UPDATE lease SET expires = 5")
        deadline = time.monotonic() + 30
        expires = 5
        while expires == 5 and time.monotonic() < deadline:
            with database.read() as session:
                expires = session.value("SELECT expires FROM lease")
        assert expires > time.time()
