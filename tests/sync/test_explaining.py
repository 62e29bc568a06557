"""What `explain` says of one identity: what becomes of leavers, what is asked of them, what a system does with it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from muster.app.check import loaded
from muster.model.errors import ProjectError
from tests.sync.people import ADA, BO, Office, app_rules
from tests.sync.readings import HR
from tests.sync.world import START, World

EXAMPLES = Path(__file__).parents[2] / "examples"
STEPS = "[{do: disable}, {do: delete, after: 30 days}]"


def at(**later: int) -> str:
    return (START + timedelta(**later)).isoformat().replace("+00:00", "Z")


def app(office: Office, who: str = "1") -> dict[str, Any]:
    (found,) = office.explain(who)["systems"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("how", ["left", "gone"])
def test_of_a_leaver_it_says_since_when_and_what_happens_when(tmp_path: Path, how: str) -> None:
    with Office(tmp_path, app_rules(deprovision=STEPS)) as office:
        office.run()
        assert (app(office)["wanted"], app(office)["deprovision"]) == (True, [])
        office.wait(days=1)
        if how == "left":
            office.hr.edit("1", status="left")
        else:
            office.hr.remove("1")
        office.run(allow_deletes=True)
        office.wait(days=2)
        found = app(office, "ada")
        assert (found["wanted"], found["since"]) == (False, at(days=1))
        assert [(step["do"], step["at"], step["due"]) for step in found["deprovision"]] == [
            ("disable", at(days=1), True),
            ("delete", at(days=31), False),
        ]
        line = (tmp_path / "mappings/app-account.yaml").read_text().splitlines()[found["deprovision"][1]["line"] - 1]
        assert "delete" in line
        assert office.explain("ada")["leaving"] is (how == "gone")


def test_of_a_leaver_whose_account_is_gone_there_is_nothing_more_to_say(tmp_path: Path) -> None:
    with Office(tmp_path, app_rules(deprovision="delete")) as office:
        office.run()
        office.hr.edit("1", status="left")
        office.run()
        assert (app(office)["wanted"], app(office)["deprovision"]) == (False, [])


def test_holds_are_shown_while_they_have_not_run_out(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        office.hold("1", "disabled", by="sec@x", why="lost phone", until=START + timedelta(days=1))
        (hold,) = office.explain("1")["holds"]
        assert (hold["kind"], hold["by"], hold["why"], hold["until"]) == (
            "disabled",
            "sec@x",
            "lost phone",
            at(days=1),
        )
        office.wait(days=2)
        assert office.explain("1")["holds"] == []


def test_an_attribute_of_a_source_leads_to_what_is_made_of_it(tmp_path: Path) -> None:
    with Office(tmp_path) as office:
        office.run()
        document = office.explain("1", "hr", "Dept")
        assert ([one["name"] for one in document["attributes"]], document["systems"]) == (["department"], [])
        document = office.explain("1", "app", "name")
        assert [one["name"] for one in document["attributes"]] == ["displayName"]
        assert [event["system"] for event in document["history"]] == ["app"]
        assert office.explain("1", "hr")["history"] == []
        assert "active" in [one["name"] for one in office.explain("1", "app")["attributes"]]


@pytest.mark.parametrize(
    ("system", "attribute", "said"),
    [
        (
            "app",
            "nam",
            "no mapping writes or reads 'nam' in app for person Ada Byron. Did you mean 'name'?",
        ),
        ("hr", "depp", "Did you mean 'dept'?"),
        ("app", "qqqq", "in app for person Ada Byron. There are `emp`, `login`, `name`"),
        (None, "surnam", "person Ada Byron has no attribute 'surnam'. Did you mean 'surname'?"),
        ("name", None, "There is no system 'name'. Known: app, hr. An attribute stands after its system"),
    ],
)
def test_a_name_that_there_is_not_brings_the_nearest(
    tmp_path: Path, system: str | None, attribute: str | None, said: str
) -> None:
    with Office(tmp_path) as office:
        office.run()
        with pytest.raises(ProjectError) as refused:
            office.explain("1", system, attribute)
        assert said in refused.value.message


def test_before_anything_was_read_nobody_is_known(tmp_path: Path) -> None:
    with Office(tmp_path) as office, pytest.raises(ProjectError, match=r"Nobody is known yet\. Next: muster plan"):
        office.explain("1")


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("adda", "Nobody is known as 'adda'. Did you mean 'ada'? Give"),
        ("Ada", "Did you mean 'ada'?"),
        ("zzz", "Nobody is known as 'zzz'. Give"),
        ("ghost", "app/account ghost belongs to nobody"),
    ],
)
def test_somebody_whom_nobody_knows_brings_the_nearest(tmp_path: Path, who: str, said: str) -> None:
    with Office(tmp_path, people={"1": ADA, "2": BO}) as office:
        office.app.put("ghost", login="ghost")
        office.run()
        with pytest.raises(ProjectError) as refused:
            office.explain(who)
        assert said in refused.value.message


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_a_display_name_finds_whom_it_names(tmp_path: Path, store: str, request: pytest.FixtureRequest) -> None:
    url = "sqlite:///.muster/state.db" if store == "sqlite" else request.getfixturevalue("postgres_url")
    with World(tmp_path, store=url) as world:
        names = ('Zoë "Zo" Müller \\', "Ann Twin", "Ann Twin")
        rows = {str(number): {"name": name} for number, name in enumerate(names)}
        world.source("hr", "worker", rows=rows, mapping=HR)
        world.run()
        assert world.explain(names[0])["name"] == names[0]
        with pytest.raises(ProjectError, match=r"'Ann Twin' names 2 identities: \w+, \w+\. Use one of these ids"):
            world.explain("Ann Twin")
        with pytest.raises(ProjectError, match="Nobody is known as 'Ann'"):
            world.explain("Ann")


@pytest.mark.parametrize(
    "example", sorted(one.parent for one in EXAMPLES.glob("*/muster.yaml")), ids=lambda one: one.name
)
def test_every_example_names_whom_it_makes(example: Path) -> None:
    project = loaded(example).project
    assert project is not None
    made = {one.identity for one in project.mappings.values() if one.project}
    named = {
        one.identity
        for one in project.mappings.values()
        for flow in (one.inbound.flows if one.inbound else ())
        if flow.attribute.name == "displayName"
    }
    assert made
    assert made <= named
