"""A system that refuses its password, or does not answer, run after run is left alone: longer each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.connectors.kit.memory import MemoryConnector
from muster.model.errors import AuthFailed
from tests.sync.people import Office
from tests.sync.world import changed, kinds


class Door:
    """The application's: shut, it refuses whoever signs in; how often somebody tried."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shut = True
        self.tries = 0
        real = MemoryConnector.__enter__

        def enter(connector: MemoryConnector) -> MemoryConnector:
            if connector.system == "app":
                self.tries += 1
                if self.shut:
                    raise AuthFailed("app: the password of muster is refused")
            return real(connector)

        monkeypatch.setattr(MemoryConnector, "__enter__", enter)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(monkeypatch)


def test_a_password_that_is_refused_three_runs_in_a_row_is_tried_again_later_each_time(
    tmp_path: Path, door: Door
) -> None:
    with Office(tmp_path) as office:
        for _ in range(3):
            assert (kinds((told := office.run())["errors"]), told["held"]) == (["refused"], [])
        assert door.tries == 3
        held = office.run()
        assert (kinds(held["held"]), held["errors"], door.tries) == (["quarantine"], [], 3)
        (problem,) = held["held"]
        assert "3 runs in a row: the password of muster is refused. It is neither read nor" in problem["message"]
        assert problem["message"].endswith("muster job restart app --reset quarantine-state")
        office.wait(minutes=5)
        assert kinds(office.run()["errors"]) == ["refused"]
        office.wait(minutes=14)
        assert kinds(office.run()["held"]) == ["quarantine"]
        office.wait(minutes=1)
        door.shut = False
        assert changed(office.run()) == [("app", "create", "ada")]
        assert office.quiet()


def test_a_password_that_was_corrected_is_tried_at_once(tmp_path: Path, door: Door) -> None:
    with Office(tmp_path) as office:
        office.run()
        door.shut = False
        assert changed(office.run()) == [("app", "create", "ada")]


def test_a_person_ends_it_at_once_and_status_tells_of_it(tmp_path: Path, door: Door) -> None:
    with Office(tmp_path) as office:
        for _ in range(3):
            office.run()
        door.shut = False
        (shown,) = [one["quarantine"] for one in office.status()["systems"] if one["name"] == "app"]
        assert "3 runs in a row" in shown
        with office.muster() as muster:
            muster.restart("app", ["quarantine-state"], by="ada")
        assert changed(office.run()) == [("app", "create", "ada")]


def test_a_source_is_asked_every_time(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hr.system.faults.unreachable = True
        for _ in range(5):
            assert kinds(office.run()["errors"]) == ["unreachable"]
        office.hr.system.faults.unreachable = False
        assert office.quiet()


def test_a_system_that_does_not_answer_is_asked_every_hour(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.app.system.faults.unreachable = True
        for _ in range(8):
            office.run()
            office.wait(minutes=60)
        assert kinds(office.run()["errors"]) == ["unreachable"]
        office.app.system.faults.unreachable = False
        assert kinds(office.run()["held"]) == ["quarantine"]
        office.wait(minutes=60)
        assert changed(office.run()) == [("app", "create", "ada")]
