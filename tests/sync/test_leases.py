"""Leases: one run at a time, and no waiting for the dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from muster.model.errors import LeaseRefused
from muster.store.leases import SECONDS, leased
from tests.sync.world import World

HR = """
identity: person
project: true
inbound: {precedence: 10, flows: {employeeId: '[id]'}}
"""
HOLDER = """
import sys
from pathlib import Path
from muster.store.leases import leased
from muster.store.opening import open_store
with open_store("sqlite:///.muster/state.db", Path(sys.argv[1])) as database, leased(database, sys.argv[2:], "run"):
    print("holding", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path, *names: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds leases, as a run does."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), *names],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        world.source("hr", "worker", rows={"1": {}}, mapping=HR)
        world.run()
        yield world


def test_a_second_run_is_refused_at_once_and_told_who_is_working(world: World) -> None:
    with holder(world.folder, "project", "system hr") as process:
        with pytest.raises(LeaseRefused) as refused:
            world.run()
        assert f"`muster run` (process {process.pid} on " in refused.value.message
        with pytest.raises(LeaseRefused):
            world.plan()
        with pytest.raises(LeaseRefused):
            world.apply()


def test_a_lease_of_one_system_is_enough_to_refuse(world: World) -> None:
    with holder(world.folder, "system hr"), pytest.raises(LeaseRefused, match="system hr is being worked on"):
        world.run()


def test_a_killed_holders_lease_lapses_at_once(world: World) -> None:
    with holder(world.folder, "project", "system hr") as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert world.run()["errors"] == []


def test_a_lease_is_given_back_when_its_holder_is_done(world: World) -> None:
    with holder(world.folder, "project") as process:
        process.communicate("", timeout=60)
        assert process.returncode == 0
        assert world.run()["errors"] == []


def test_a_lease_is_given_back_when_a_run_fails(world: World) -> None:
    with world.muster() as muster:
        with pytest.raises(RuntimeError), leased(muster.database, ["project"], "run"):
            raise RuntimeError
        with leased(muster.database, ["project"], "plan"):
            pass


def test_a_question_about_one_identity_goes_beside_a_run(world: World) -> None:
    with holder(world.folder, "project", "system hr"):
        assert world.plan(identity="1")["errors"] == []
        assert world.status()["identities"] == {"person": 1}
        assert world.explain("1")["attributes"] != []


@pytest.mark.parametrize(("seconds", "refused"), [(SECONDS, True), (-1, False)])
def test_the_lease_of_a_holder_on_another_machine_lapses_within_a_minute(
    world: World, seconds: int, refused: bool
) -> None:
    other = {"host": "elsewhere", "pid": 1, "born": "1", "verb": "run", "since": "2026-03-02 09:00:00", "token": "t"}
    with world.muster() as muster:
        with muster.database.write() as session:
            row = ("project", orjson.dumps(other).decode(), int(time.time()) + seconds)
            session.upsert("lease", ("name", "holder", "expires"), ("name",), [row])
        if refused:
            with pytest.raises(LeaseRefused, match="process 1 on elsewhere, since 2026-03-02"):
                muster.run()
        else:
            assert muster.run()["errors"] == []
    assert SECONDS <= 60


def test_a_refused_run_takes_no_lease_of_its_own(world: World) -> None:
    with holder(world.folder, "system hr"):
        with pytest.raises(LeaseRefused):
            world.run()
        with world.muster() as muster, leased(muster.database, ["project"], "plan"):
            pass
