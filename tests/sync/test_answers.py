"""What a system may answer to a change, and what comes of it: after a refusal, a conflict, an interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Change, Outcome, Result
from muster.model.errors import Unreachable
from muster.model.objects import Page
from muster.sync.queue.outcomes import Outcomes
from tests.sync.answers import APP, HR, UNIQUE, Answer, Office, answering, told
from tests.sync.world import MemorySide, World, kinds

# --- what a system may answer


def test_a_retry_is_worked_out_anew(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        office.world.run()
        office.hr.edit("1", dept="Sales", name="Ada B")
        with answering(lambda change, _: Outcome(change.key, Result.RETRY, change.anchor, reason="busy", after=0)):
            assert kinds(office.world.run()["errors"]) == ["retry"]
        office.hr.edit("1", dept="Board", name="Ada")
        sent: list[Change] = []
        with answering(noting(sent)):
            result = office.world.run()
        assert [change.values for change in sent] == [{"dept": "Board"}]
        assert result["errors"] == []


def noting(sent: list[Change]) -> Answer:
    """Write, and remember what was written."""

    def answer(change: Change, write: Callable[[], Outcome]) -> Outcome:
        sent.append(change)
        return write()

    return answer


def test_a_refused_change_is_told_with_the_systems_words_and_tried_once_a_run(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada", "Bo") as office:
        sent: list[str | None] = []

        def refuse(change: Change, write: Callable[[], Outcome]) -> Outcome:
            sent.append(change.anchor)
            if change.anchor == "ada":
                return Outcome(change.key, Result.REJECTED, change.anchor, reason="no Adas, please")
            return write()

        with answering(refuse):
            result = office.world.run()
            assert sent.count("ada") == 1
            (message,) = told("rejected", result)
            assert message == (
                "app/account ada: create was refused: no Adas, please. Correct the value where it comes from, or "
                "mappings/app-account.yaml; the next run tries again"
            )
            assert office.app.all().keys() == {"bo"}
            office.world.run()
            assert sent.count("ada") == 2
        office.world.run()
        assert office.app.all().keys() == {"ada", "bo"}


def test_a_failed_change_of_an_object_that_a_number_names_says_whose_it_is(tmp_path: Path) -> None:
    text = APP.replace("    login: %s\n", "")
    with World(tmp_path) as world:
        hr = world.source("hr", "worker", mapping=HR, rows={"1": {"name": "Ada"}})
        ad = world.target("ad", "user", anchor="guid", assigned=True, mapping=text)

        def refuse(change: Change, _: Callable[[], Outcome]) -> Outcome:
            return Outcome(change.key, Result.RETRY, change.anchor, reason="The disk is full.", after=60)

        with answering(refuse):
            (made,) = told("retry", world.run())
        uid = world.explain("1")["identity"]
        assert made == f"ad/user for Ada ({uid}): create did not work now: The disk is full. The next run tries again"
        world.run()
        hr.edit("1", dept="Sales")
        with answering(refuse):
            (changed_later,) = told("retry", world.run())
        assert changed_later.startswith(f"ad/user {next(iter(ad.all()))} of Ada ({uid}): update did not work now: ")


def test_an_object_that_is_gone_when_it_is_to_be_changed_is_made_again(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        office.world.run()
        office.hr.edit("1", dept="Sales")
        removed: list[str] = []

        def remove(change: Change, write: Callable[[], Outcome]) -> Outcome:
            if not removed:
                removed.append("ada")
                office.app.remove("ada")
            return write()

        with answering(remove):
            office.world.run()
        office.world.run()
        assert office.app.values("ada")["dept"] == "Sales"
        assert office.world.plan()["changes"] == []


def test_a_change_in_conflict_is_looked_at_again_and_made_then(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        office.world.run()
        office.hr.edit("1", dept="Sales")
        with answering(lambda change, _: Outcome(change.key, Result.CONFLICT, change.anchor)):
            assert office.world.run()["errors"] == []
        office.world.run()
        assert office.app.values("ada")["dept"] == "Sales"


def test_an_object_deleted_by_another_hand_while_it_was_to_be_deleted_is_deleted(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        office.world.run()
        office.hr.edit("1", status="left")

        def remove(change: Change, write: Callable[[], Outcome]) -> Outcome:
            office.app.remove("ada")
            return write()

        with answering(remove):
            result = office.world.run()
        assert (result["errors"], office.app.all()) == ([], {})
        assert office.world.plan()["changes"] == []


# --- EXISTS


def arrives(side: MemorySide, anchor: str, **values: str) -> Answer:
    """Somebody makes the object just before we do."""
    done: list[str] = []

    def answer(change: Change, write: Callable[[], Outcome]) -> Outcome:
        if not done:
            done.append(anchor)
            side.put(anchor, login=anchor, **values)
        return write()

    return answer


def test_an_object_that_is_there_already_is_a_success_when_the_join_rules_match_it(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        with answering(arrives(office.app, "ada", emp="1", name="A. Lovelace")):
            result = office.world.run()
        assert (result["errors"], result["held"]) == ([], [])
        assert office.app.all() == {"ada": {"login": "ada", "emp": "1", "name": "Ada", "enabled": True}} or (
            office.app.values("ada")["name"] == "Ada"
        )
        assert office.world.plan()["changes"] == []


def test_an_object_of_somebody_else_in_the_place_brings_the_next_candidate(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada", login=UNIQUE) as office:
        with answering(arrives(office.app, "ada", emp="77")):
            result = office.world.run()
        assert (result["errors"], result["held"]) == ([], [])
        assert office.app.all().keys() == {"ada", "ada2"}
        assert office.app.values("ada") == {"login": "ada", "emp": "77"}
        assert office.app.values("ada2")["emp"] == "1"


def test_an_object_of_somebody_else_in_the_place_of_the_only_candidate_waits_for_a_person(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada", "Bo") as office:
        with answering(arrives(office.app, "ada", emp="77")):
            result = office.world.run()
        assert office.app.all().keys() == {"ada", "bo"}
        assert office.app.values("ada") == {"login": "ada", "emp": "77"}
        assert [problem["anchor"] for problem in (*result["held"], *result["errors"])] == ["ada"]
        again = office.world.run()
        assert [problem["anchor"] for problem in (*again["held"], *again["errors"])] == ["ada"]
        office.app.remove("ada")
        office.world.run()
        assert office.app.values("ada")["emp"] == "1"


# --- a run that was interrupted


@contextmanager
def killed_before_noting() -> Iterator[None]:
    """The process dies after the system has answered, before the answer is noted."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Outcomes, "record", die)
        yield


def test_a_create_that_cannot_be_looked_up_after_it_was_sent_is_held(tmp_path: Path) -> None:
    with Office(tmp_path, "Ada") as office:
        with killed_before_noting(), pytest.raises(KeyboardInterrupt):
            office.world.run()
        real, sent = MemoryConnector.read, list[Change]()

        def unreadable(connector: MemoryConnector, wanted: Any, since: str | None) -> Iterator[Page]:
            if connector.system == "app":
                raise Unreachable("app: cannot be read")
            return real(connector, wanted, since)

        with pytest.MonkeyPatch.context() as patch, answering(noting(sent)):
            patch.setattr(MemoryConnector, "read", unreadable)
            result = office.world.run()
        assert sent == []
        assert kinds(result["held"]) == ["unconfirmed"]
        result = office.world.run()
        assert (result["held"], result["errors"]) == ([], [])
        assert office.app.all().keys() == {"ada"}
        assert office.world.plan()["changes"] == []


def test_the_log_credits_what_is_found_done_to_the_run_that_sent_it_however_many_were_killed_since(
    tmp_path: Path,
) -> None:
    def killed(office: Office, at: str) -> None:
        """A run that the process dies in, there: it had no time to say so."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(at, Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                office.world.run()
        with office.world.muster() as muster, muster.database.write() as session:
            session.run("UPDATE run SET state = 'running', ended = NULL WHERE id = (SELECT MAX(id) FROM run)")

    with Office(tmp_path, "Ada", "Bo") as office:
        killed(office, "muster.sync.queue.outcomes.Outcomes.record")
        killed(office, "muster.sync.run.import_system")
        office.world.run()
        with office.world.muster() as muster:
            runs = [(run["state"], run["summary"].get("app", {}).get("create")) for run in muster.log()["runs"]]
        assert runs == [("done", None), ("killed", None), ("killed", 2)]


@pytest.mark.parametrize("edit", [{"dept": "Sales"}, {"status": "left"}])
def test_what_was_sent_before_an_interruption_is_neither_lost_nor_doubled(tmp_path: Path, edit: dict[str, str]) -> None:
    with Office(tmp_path, "Ada", "Bo") as office:
        office.world.run()
        office.hr.edit("1", **edit)
        with killed_before_noting(), pytest.raises(KeyboardInterrupt):
            office.world.run()
        sent: list[Change] = []
        with answering(noting(sent)):
            office.world.run()
        assert sent == []
        assert office.world.plan()["changes"] == []


# --- leavers whose other values are refused


def no_sales(change: Change, write: Callable[[], Outcome]) -> Outcome:
    if change.values.get("dept") == "Sales":
        return Outcome(change.key, Result.REJECTED, change.anchor, reason="no Sales, please")
    return write()


@contextmanager
def leaving(folder: Path) -> Iterator[tuple[World, MemorySide, MemorySide]]:
    """Ada leaves, and moves to a department that her account's system refuses."""
    text = APP.replace("    login:", "    enabled: '[active]'\n    login:")
    text = text.replace("provision: '[active]'", "provision: 'True'")
    with World(folder, safety="safety: {percent: 100, updates: 100}") as world:
        hr = world.source("hr", "worker", mapping=HR, rows={"1": {"id": "1", "name": "Ada", "status": "here"}})
        app = world.target("app", "account", mapping=text % "'ToLower([displayName])'")
        world.run()
        assert app.values("ada")["enabled"] is True
        hr.edit("1", status="left", dept="Sales")
        yield world, hr, app


def test_a_leaver_is_disabled_where_another_value_is_refused_and_both_are_told(tmp_path: Path) -> None:
    with leaving(tmp_path) as (world, hr, app):
        with answering(no_sales):
            (message,) = told("rejected", world.run())
            assert message == (
                "app/account ada: is disabled; the rest was refused: no Sales, please. Correct the value where it "
                "comes from, or mappings/app-account.yaml; the next run tries again"
            )
            assert (app.values("ada")["enabled"], app.values("ada").get("dept")) == (False, None)
            (change,) = world.plan()["changes"]
            assert (change["action"], list(change["attributes"])) == ("update", ["dept"])
            (message,) = told("rejected", world.run())
            assert "update was refused: no Sales, please" in message
        hr.edit("1", status="left", dept="Board")
        assert world.run()["errors"] == []
        assert (app.values("ada")["enabled"], app.values("ada")["dept"]) == (False, "Board")


def test_a_leaver_who_cannot_be_disabled_is_told_to_be_still_enabled(tmp_path: Path) -> None:
    def refuse(change: Change, write: Callable[[], Outcome]) -> Outcome:
        why = "no Sales, please" if "dept" in change.values else "read-only"
        return Outcome(change.key, Result.REJECTED, change.anchor, reason=why)

    with leaving(tmp_path) as (world, _, app):
        with answering(refuse):
            (message,) = told("rejected", world.run())
        assert message.startswith(
            "app/account ada: is STILL ENABLED: disable was refused: no Sales, please. Switching it off and nothing "
            "else was refused too: read-only. Correct"
        )
        assert app.values("ada")["enabled"] is True


def test_killed_after_a_leaver_was_disabled_the_next_run_finds_it_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with leaving(tmp_path) as (world, _, app):
        with answering(no_sales), monkeypatch.context() as patched:
            patched.setattr(Outcomes, "record", Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                world.run()
        assert app.values("ada")["enabled"] is False
        with answering(no_sales):
            told("rejected", world.run())
            (change,) = world.plan()["changes"]
        assert (change["action"], list(change["attributes"])) == ("update", ["dept"])


# --- one value of two people


def test_an_address_of_two_people_names_both_and_the_address(tmp_path: Path) -> None:
    flows = "    name: '[displayName]'\n    mail: '[department]'\n"
    text = APP.replace("    login: %s\n", "").replace("    name: '[displayName]'\n    dept: '[department]'\n", flows)
    with World(tmp_path) as world:
        ada_there = {"id": "1", "name": "Ada", "dept": "ada@acme.example"}
        hr = world.source("hr", "worker", mapping=HR, rows={"1": ada_there})
        cloud = world.target("cloud", "user", anchor="guid", assigned=True, mapping=text)
        world.run()
        (anchor,) = cloud.all()
        hr.put("2", id="2", name="Bo", dept="ADA@acme.example")

        def taken(change: Change, write: Callable[[], Outcome]) -> Outcome:
            if change.values.get("name") == "Bo":
                return Outcome(change.key, Result.EXISTS, anchor, reason="The same value for property mail exists.")
            return write()

        with answering(taken):
            (message,) = told("exists", world.run())
        ada, bo = (world.explain(one)["identity"] for one in ("1", "2"))
        assert message == (
            f"cloud/user for Bo (hr/worker 2, {bo}): the one of Ada (hr/worker 1, {ada}) ({anchor}) has mail "
            "ADA@acme.example already: The same value for property mail exists. These are two identities: correct the "
            "value of one of them where it comes from. Only if both are one, join them there"
        )
