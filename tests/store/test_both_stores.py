"""SQLite and PostgreSQL hold the same and decide the same: one story on both, compared after every run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muster.app.provisioning_log import Wanted
from muster.store.opening import open_store
from muster.sync.resetting import FULL
from tests.stories.company import Company
from tests.stories.picture import difference, picture
from tests.sync.town import Town


@pytest.fixture
def companies(tmp_path: Path, postgres_url: str) -> Iterator[list[Company]]:
    found = []
    for name, store in (("lite", "sqlite:///.muster/state.db"), ("post", postgres_url)):
        (tmp_path / name).mkdir()
        found.append(Company(tmp_path / name, store=store))
    yield found
    for company in found:
        company.world.close()


def without_numbers(document: Any) -> Any:
    """A plan or a result without what differs by nature: digests, run numbers."""
    if isinstance(document, dict):
        return {k: without_numbers(v) for k, v in document.items() if k not in ("digest", "plan", "id", "run")}
    return [without_numbers(one) for one in document] if isinstance(document, list) else document


def pictures(companies: list[Company]) -> list[Any]:
    found = []
    for company in companies:
        with company.world.muster() as muster:
            found.append(picture(muster.database))
    return found


def test_both_stores_plan_write_and_remember_the_same(companies: list[Company]) -> None:
    lite, post = companies
    for first, second in zip(lite.days(), post.days(), strict=True):
        first()
        second()
        plans = [without_numbers(company.world.plan()) for company in companies]
        assert plans[0] == plans[1]
        assert plans[0]["changes"]
        results = [without_numbers(company.world.run()) for company in companies]
        assert results[0] == results[1]
        assert results[0]["errors"] == results[0]["held"] == []
        assert lite.targets() == post.targets()
        assert difference(*pictures(companies)) == {}
        assert [company.world.plan()["changes"] for company in companies] == [[], []]


def test_both_stores_explain_and_tell_the_same(companies: list[Company]) -> None:
    for company in companies:
        company.world.run()
    lite, post = (company.world for company in companies)
    assert without_numbers(lite.explain("2")) == without_numbers(post.explain("2"))
    first, second = (without_numbers({**world.status(), "store": "", "last_run": None}) for world in (lite, post))
    assert first == second


def test_a_hold_works_on_both_stores(companies: list[Company]) -> None:
    for company in companies:
        company.world.run()
        company.world.hold("2", "disabled", by="ann", why="lost phone", mapping="app-account")
        company.world.run()
        assert company.accounts.values("bo.dahl")["enabled"] is False
    assert difference(*pictures(companies)) == {}


def test_what_if_leaves_no_trace_in_either_store(companies: list[Company]) -> None:
    plans = []
    for company in companies:
        company.world.run()
    before = pictures(companies)
    for company in companies:
        company.leave()
        plans.append(without_numbers(company.world.plan(identity="2")))
    assert plans[0] == plans[1]
    assert {change["action"] for change in plans[0]["changes"]} == {"disable"}
    assert [difference(*pair) for pair in zip(before, pictures(companies), strict=True)] == [{}, {}]


def test_texts_sort_by_code_point_in_both_stores(tmp_path: Path, postgres_url: str) -> None:
    words = sorted(["a", "B", "ä", "Z", "z", "_", "10", "9", "é", "A-b", "Ab"])
    for url in (f"sqlite:///{tmp_path}/state.db", postgres_url):
        with open_store(url, tmp_path) as database, database.write() as session:
            session.insert("quarantine", ("system", "since", "until", "tries", "message"), [
                (word, 0, 0, 0, "") for word in words
            ])  # fmt: skip
            assert [row[0] for row in session.rows("SELECT system FROM quarantine ORDER BY system")] == words
            if database.postgres:
                assert (
                    session.rows(
                        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
                        "AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
                    )
                    == []
                )


def test_on_demand_the_log_and_a_restart_work_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with Town(tmp_path, "abc", store=postgres_url) as town:
        town.team("t", "a", "b")
        town.world.plan()
        with town.world.muster() as muster:
            for who in ("a", "t"):
                assert muster.provision("app", who, by="eve")["objects"][0]["steps"][-1]["status"] == "success"
            muster.pause("app", by="eve")
            assert [note["kind"] for note in muster.run()["notes"]] == ["paused"]
            muster.restart("app", [FULL], by="eve")
            muster.run()
            entries = muster.provisioning_log(Wanted(system="app"))["value"]
            assert muster.audit()["breaches"] == []
            assert len(muster.provisioning_log(Wanted(who="a"))["value"]) == 1
        assert town.members() == {"a", "b"}
        assert {entry["initiatedBy"]["initiatorType"] for entry in entries} == {"user", "system"}
        group = [entry for entry in entries if entry["targetIdentity"]["id"] == "t"][-1]
        assert {"displayName": "member", "oldValue": None, "newValue": "a"} in group["modifiedProperties"]
