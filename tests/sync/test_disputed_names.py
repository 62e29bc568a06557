"""Names that an account shows of which a person must decide whose it is: nobody gets them, or the next ones, before.

The case that costs most: the store is lost, and two accounts of one system show one employee number.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.expressions import Context
from muster.model.values import Document
from muster.store.names import Names
from muster.sync.identities.computing import Computing
from muster.sync.names.unique import Allocate, AsIf, Disputed, NeverRead, Reservation
from muster.sync.rules.compiling import compile_rules
from muster.sync.rules.ruleset import CompiledType
from muster.sync.run import Run
from tests.sync.town import Town
from tests.sync.world import START, World, changed, kinds

META = """
person:
  computed:
    stem: 'Coalesce([nickname], ToLower([givenName]))'
    login:
      value: 'SelectUniqueValue([stem], [stem] & "2", [stem] & "3")'
      enforce: once
      unique: logins
    mail: 'Join("@", [login], "x")'
  attributes: {nickname: text}
"""
HR = """
identity: person
project: true
join:
  - employeeId: '[id]'
inbound:
  precedence: 10
  flows: {employeeId: '[id]', givenName: '[first]', surname: '[last]', manager: {reference: '[boss]', to: worker}}
"""
APP = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  provision: 'true'
  flows: {login: '[login]', emp: '[employeeId]', name: '[surname]'}
"""
CRM = """
identity: person
join:
  - employeeId: '[emp]'
outbound:
  provision: '[mail] <> ""'
  flows: {emp: '[employeeId]', mail: '[mail]', name: '[surname]', boss: '[manager.mail]'}
"""
ADA: Document = {"first": "Ada", "last": "Byron"}
BO: Document = {"first": "Bo", "last": "Young", "boss": "1"}
RIVALS: dict[str, Document] = {"ada": {"emp": "1"}, "adm-1": {"emp": "1"}}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


class Office:
    """People whose accounts were there before this store: Ada's is one of two, in the CRM she and Bo have theirs."""

    def __init__(
        self, world: World, *, accounts: dict[str, Document] = RIVALS, app: str = APP, crm: str = CRM, meta: str = META
    ) -> None:
        self.world = world
        world.write("metaverse.yaml", meta)
        self.hr = world.source("hr", "worker", rows={"1": ADA, "2": BO}, mapping=HR)
        self.app = world.target("app", "account", mapping=app)
        for login, values in accounts.items():
            self.app.put(login, login=login, name="Byron", **values)
        self.crm = world.target("crm", "contact", anchor="number", assigned=True, mapping=crm)
        self.crm.put("c1", number="c1", emp="1", mail="ada@x", name="B.")
        self.crm.put("c2", number="c2", emp="2", mail="bo@x", name="Young", boss="ada@x")

    def decide(self, kind: str, anchor: str, who: str | None = None) -> None:
        with self.world.muster() as muster:
            identity = {"identity": self.world.explain(who)["identity"]} if who else {}
            muster.decide(kind, by="ops@acme.example", system="app", anchor=anchor, **identity)

    def login(self, who: str = "1") -> object:
        return self.world.identity(who).get("login")


def waits(document: Mapping[str, Any]) -> list[str]:
    """What waits for a decision besides the accounts that it is about."""
    return [one["message"] for one in document["held"] if one["anchor"] is None]


def test_nobody_gets_a_new_name_while_it_is_not_decided_whose_the_old_one_is(world: World) -> None:
    office = Office(world)
    result = world.run()
    assert changed(result) == [("app", "create", "bo"), ("crm", "update", "c1")]
    assert office.crm.values("c1") == {"number": "c1", "emp": "1", "mail": "ada@x", "name": "Byron", "enabled": True}
    assert office.login() is None
    assert [one["anchor"] for one in result["held"]] == [None, "ada", "adm-1"]
    assert result["errors"] == []
    again = world.run(full=True)
    assert (changed(again), len(again["held"])) == ([], 3)


def test_one_clear_message_says_what_waits_for_what(world: World) -> None:
    Office(world)
    (problem,) = [one for one in world.plan()["held"] if one["kind"] == "undecided-name"]
    message = problem["message"]
    uid = world.explain("1")["identity"]
    assert message == (
        f"metaverse.yaml:6:14: person {uid}: login is not given out before somebody decides whose app/account ada, "
        "which shows 'ada', is (muster joins). What depends on it waits; everything else is written"
    )
    assert waits(world.plan()) == [message]


def test_once_it_is_decided_the_accounts_name_is_the_persons(world: World) -> None:
    office = Office(world)
    world.run()
    office.decide("accept", "ada", "1")
    result = world.run()
    assert (changed(result), waits(result), office.login()) == ([], [], "ada")
    assert office.crm.values("c2")["boss"] == "ada@x"
    assert changed(world.run(full=True)) == []


def test_if_the_old_name_is_somebody_elses_the_person_gets_the_next(world: World) -> None:
    office = Office(world)
    world.run()
    office.decide("refuse", "ada", "1")
    result = world.run()
    assert (result["held"], office.login()) == ([], "ada2")
    assert office.crm.values("c1")["mail"] == "ada2@x"
    assert office.crm.values("c2")["boss"] == "ada2@x"


def test_a_case_that_closes_by_itself_lets_the_name_go_in_the_same_run(world: World) -> None:
    office = Office(world)
    world.run()
    office.app.edit("adm-1", emp=None)
    result = world.run()
    assert (result["held"], office.login()) == ([], "ada")
    assert office.app.values("ada")["emp"] == "1"


def test_whoever_reads_the_name_through_a_reference_keeps_what_is_there(world: World) -> None:
    office = Office(world)
    office.hr.edit("2", last="Old")
    assert ("crm", "update", "c2") in changed(world.run())
    assert office.crm.values("c2") == {
        "number": "c2",
        "emp": "2",
        "mail": "bo@x",
        "name": "Old",
        "boss": "ada@x",
        "enabled": True,
    }


BOSSES = META.replace(
    "    mail:", "    chief: '[manager.mail]'\n    line: '\"Chief: \" & [manager.mail]'\n    mail:"
).replace("nickname: text", "nickname: text, chief: text, line: text")
READS = CRM.replace("boss: '[manager.mail]'", "boss: '[chief]', line: '[line]'")


def test_what_is_computed_of_the_name_through_a_reference_waits_as_the_name_does(world: World) -> None:
    office = Office(world, crm=READS, meta=BOSSES)
    office.crm.edit("c2", line="Chief: ada@x")
    for last in ("Old", "Older"):
        office.hr.edit("2", last=last)
        world.run()
        shown = office.crm.values("c2")
        assert (shown["name"], shown["boss"], shown["line"]) == (last, "ada@x", "Chief: ada@x")
    office.crm.edit("c2", name="Foreign")
    assert changed(world.run()) == [("crm", "update", "c2")]
    assert office.crm.values("c2")["line"] == "Chief: ada@x"
    assert changed(world.run(full=True)) == []
    office.decide("refuse", "ada", "1")
    world.run()
    assert (office.crm.values("c2")["boss"], office.crm.values("c2")["line"]) == ("ada2@x", "Chief: ada2@x")
    assert changed(world.run(full=True)) == []


def test_a_presence_that_stands_on_the_name_is_not_taken_for_false(world: World) -> None:
    office = Office(world)
    world.run()
    assert office.crm.values("c1")["enabled"] is True


def test_whom_the_case_is_not_about_waits_for_the_name_too(world: World) -> None:
    """Ada's number on Bo's account: whose it is may be decided either way."""
    office = Office(world, accounts={"ada": {"emp": "1"}, "bo": {"emp": "1"}})
    result = world.run()
    assert (changed(result, "app"), len(waits(result))) == ([], 2)
    assert (office.login("1"), office.login("2")) == (None, None)
    office.decide("accept", "bo", "2")
    world.run()
    assert (office.login("1"), office.login("2")) == ("ada", "bo")


def test_a_name_that_no_account_in_a_case_shows_is_given_out(world: World) -> None:
    office = Office(world, accounts={"adm-1": {"emp": "1"}, "adm-2": {"emp": "1"}})
    assert waits(world.run()) == []
    assert office.login() == "ada"


def test_a_name_is_not_made_of_what_a_held_account_would_change(world: World) -> None:
    """Here the account says what the person is called: without it another name would be kept for good."""
    app = APP + "inbound: {precedence: 20, flows: {nickname: '[login]'}}\n"
    office = Office(world, accounts={"byron": {"emp": "1"}, "adm-1": {"emp": "1"}}, app=app)
    result = world.run()
    assert len(waits(result)) == 1
    assert "whose app/account adm-1 is (muster joins)" in waits(result)[0]
    assert office.login() is None
    office.decide("accept", "byron", "1")
    world.run()
    assert (office.login(), office.crm.values("c1")["mail"]) == ("byron", "byron@x")


def test_a_name_of_one_system_alone_waits_too(world: World) -> None:
    own = APP.replace("'[login]'", "'SelectUniqueValue(ToLower([givenName]), ToLower([givenName]) & \"2\")'")
    office = Office(world, accounts={"ada": {"emp": "1"}, "bo": {"emp": "1"}}, app=own)
    result = world.run()
    assert (changed(result, "app"), result["errors"]) == ([], [])
    assert sorted(str(one["anchor"]) for one in result["held"]) == ["None", "ada", "bo"]
    office.decide("refuse", "bo", "1")
    world.run()
    assert sorted(office.app.all()) == ["ada", "bo", "bo2"]


@pytest.mark.parametrize("flow", ["mail: {value: '[mail]', enforce: once}", "mail: '[mail]'"])
def test_an_object_is_made_without_the_name_unless_it_is_written_at_once_or_never(world: World, flow: str) -> None:
    crm = CRM.replace("'[mail] <> \"\"'", "'true'").replace("mail: '[mail]'", flow, 1)
    office = Office(world, crm=crm)
    office.crm.remove("c1")
    world.run()
    made = [values for values in office.crm.all().values() if values.get("emp") == "1"]
    assert [values.get("mail") for values in made] == ([] if "once" in flow else [None])
    office.decide("accept", "ada", "1")
    world.run()
    made = [values for values in office.crm.all().values() if values.get("emp") == "1"]
    assert [values.get("mail") for values in made] == ["ada@x"]


def test_a_name_that_was_given_stays_when_a_second_account_turns_up(world: World) -> None:
    office = Office(world, accounts={"ada": {"emp": "1"}})
    world.run()
    office.app.put("ada2", login="ada2", emp="1")
    result = world.run()
    assert ([one["anchor"] for one in result["held"]], office.login()) == (["ada2"], "ada")
    office.hr.put("3", id="3", first="Ada", last="Young")
    assert len(waits(world.run())) == 1
    office.decide("refuse", "ada2", "1")
    world.run()
    assert office.login("3") == "ada3"


ACCOUNTS = st.dictionaries(
    st.sampled_from(["ada", "ada2", "bo", "adm"]), st.sampled_from([None, "1", "2"]), min_size=2, max_size=4
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(accounts=ACCOUNTS, order=st.permutations(["app", "crm", "hr"]))
def test_no_account_elsewhere_changes_before_it_is_decided_whichever_system_is_read_first(
    tmp_path_factory: pytest.TempPathFactory, accounts: dict[str, str | None], order: list[str]
) -> None:
    """Two runs with nothing changed between them write nothing, and no order of reading changes what is written."""

    def outcome(order: list[str]) -> list[object]:
        with World(tmp_path_factory.mktemp("names")) as world, pytest.MonkeyPatch.context() as patch:
            patch.setattr("muster.app.muster.Run", partial(Run, order=lambda names: sorted(names, key=order.index)))
            shown: dict[str, Document] = {n: {"emp": number} if number else {} for n, number in accounts.items()}
            office = Office(world, accounts=shown)
            first = world.run()
            again = world.run(full=True)
            assert changed(again) == []
            assert sorted(map(str, again["held"])) == sorted(map(str, first["held"]))
            for number, old in (("1", "ada@x"), ("2", "bo@x")):
                if office.login(number) is None:
                    assert office.crm.values(f"c{number}")["mail"] == old
            return [office.app.all(), office.crm.all(), sorted(waits(first))]

    assert outcome(order) == outcome(["app", "crm", "hr"])


# --- references to a person whose account is held

BOSS = APP.replace("name: '[surname]'", "name: '[surname]', boss: {reference: '[manager]'}")
WITH_BO: dict[str, Document] = {**RIVALS, "bo": {"emp": "2", "boss": "ada"}}


def test_a_reference_to_a_held_account_stays_until_it_is_decided(world: World) -> None:
    office = Office(world, accounts=WITH_BO, app=BOSS)
    assert changed(world.run(), "app") == [("app", "update", "bo")]
    assert (office.app.values("bo")["boss"], office.app.values("bo")["name"]) == ("ada", "Young")
    office.decide("accept", "ada", "1")
    world.run()
    assert office.app.values("bo")["boss"] == "ada"
    assert changed(world.run(full=True)) == []


def test_a_reference_to_an_account_that_is_in_no_case_goes(world: World) -> None:
    office = Office(world, accounts={**WITH_BO, "bo": {"emp": "2", "boss": "cy"}, "cy": {}}, app=BOSS)
    world.run()
    assert "boss" not in office.app.values("bo")


@pytest.mark.parametrize(("provision", "boss"), [("'true'", "ada2"), ("'[givenName] = \"Bo\"'", None)])
def test_a_reference_to_an_account_that_is_not_theirs_goes_when_that_is_decided(
    world: World, provision: str, boss: str | None
) -> None:
    office = Office(world, accounts=WITH_BO, app=BOSS.replace("'true'", provision))
    world.run()
    assert office.app.values("bo")["boss"] == "ada"
    office.decide("refuse", "ada", "1")
    office.decide("refuse", "adm-1", "1")
    world.run()
    assert office.app.values("bo").get("boss") == boss
    assert changed(world.run(full=True)) == []


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A group that holds one of the two accounts which show the number of a member, and a stranger."""
    with Town(tmp_path, ["1", "2"]) as town:
        town.world.mapping(
            "app-account",
            "app",
            "account",
            "identity: person\njoin: [{employeeId: '[emp]'}]\n"
            "outbound: {provision: '[active]', flows: {login: '[employeeId]', emp: '[employeeId]'}}\n",
        )
        for login, number in {"ada": "1", "adm-1": "1", "bo": "2", "stranger": "9"}.items():
            town.accounts.put(login, login=login, emp=number)
        town.team("t", "1", "2")
        town.app.put("t", id="t")
        town.app.edges("t", "member", ["ada", "bo", "stranger"])
        yield town


def decide(town: Town, kind: str, anchor: str, **options: str) -> None:
    with town.world.muster() as muster:
        muster.decide(kind, by="ops@acme.example", system="app", anchor=anchor, **options)


def test_a_held_account_stays_in_its_persons_groups_until_it_is_decided(town: Town) -> None:
    town.world.run()
    assert town.members() == {"ada", "bo"}
    decide(town, "accept", "ada", identity=town.world.explain("1")["identity"])
    town.world.run()
    assert town.members() == {"ada", "bo"}
    assert town.world.run(full=True)["changes"] == []


def test_an_account_that_is_not_theirs_leaves_their_groups_when_that_is_decided(town: Town) -> None:
    town.world.run()
    decide(town, "refuse", "ada")
    decide(town, "refuse", "adm-1")
    town.world.run()
    assert town.members() == {"1", "bo"}
    assert town.world.run(full=True)["changes"] == []


# --- the decision alone


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> CompiledType:
    """People as `META` has them, compiled."""
    with World(tmp_path_factory.mktemp("compiled")) as world:
        world.write("metaverse.yaml", META)
        world.source("hr", "worker", mapping=HR)
        with world.muster() as muster:
            return compile_rules(muster.project, {}, Names(muster.database)).types["person"]


def computed(
    kind: CompiledType,
    allocate: Allocate,
    *,
    old: Document | None = None,
    reserved: dict[str, list[Reservation]] | None = None,
    doubtful: dict[str, str] | None = None,
    unread: dict[str, NeverRead] | None = None,
) -> tuple[Document, Computing]:
    document: Document = {"givenName": "Ada"}
    computing = Computing(kind, document, {}, old or {}, Context(now=START), reserved or {}, {}, allocate)
    computing.doubtful = doubtful or {}
    computing.unread = unread or {}
    computing.work()
    return document, computing


def disputed(_scope: str, candidates: Sequence[str], _as_if: AsIf | None = None, /) -> Disputed:
    return Disputed("app/account ada", candidates[0])


def first(_scope: str, candidates: Sequence[str], _as_if: AsIf | None = None, /) -> str:
    return candidates[0]


def test_a_disputed_name_and_what_is_made_of_it_are_lacking_and_not_null(person: CompiledType) -> None:
    document, computing = computed(person, disputed)
    assert document == {"givenName": "Ada", "stem": "ada"}
    assert (computing.lacking, computing.needs, computing.faults) == ({"login", "mail"}, False, [])
    assert [one.attribute.name for one, _ in computing.waits] == ["login"]


def test_what_the_identity_held_without_a_reservation_is_not_its_own(person: CompiledType) -> None:
    document, computing = computed(person, disputed, old={"login": "ada", "mail": "ada@x"})
    assert "login" not in document
    assert computing.lacking == {"login"}
    assert document["mail"] == "ada@x", "what was made of it stays as it was"


def test_whoever_has_a_firm_name_is_not_asked(person: CompiledType) -> None:
    document, computing = computed(person, disputed, reserved={"logins": [Reservation("ada.b", True)]})
    assert (document["login"], document["mail"], computing.waits) == ("ada.b", "ada.b@x", [])


def test_a_name_waits_for_doubt_about_what_it_is_made_of_alone(person: CompiledType) -> None:
    _, through = computed(person, first, doubtful={"nickname": "app/account byron"})
    assert [why.message("login").partition(" is (")[0] for _, why in through.waits] == [
        "login is not given out before somebody decides whose app/account byron"
    ]
    document, other = computed(person, first, doubtful={"city": "app/account byron"})
    assert (document["login"], other.waits) == ("ada", [])


def test_a_name_waits_for_the_first_read_of_a_system_that_may_say_what_it_is_made_of(person: CompiledType) -> None:
    """What is known already counts, unless the system would be asked before."""
    _, waiting = computed(person, first, unread={"nickname": NeverRead("app", always=False)})
    assert [why for _, why in waiting.waits] == [NeverRead("app", always=False)]
    document, other = computed(person, first, unread={"givenName": NeverRead("app", always=False)})
    assert (document["login"], other.waits) == ("ada", [])
    _, overruled = computed(person, first, unread={"givenName": NeverRead("app", always=True)})
    assert len(overruled.waits) == 1


KNOWN_META = META.replace("'Coalesce([nickname], ToLower([givenName]))'", "'Coalesce([known], ToLower([givenName]))'")
KNOWN_APP = "inbound: {precedence: 40, flows: {known: '[login]'}}" + APP


def test_a_lost_store_renames_nobody_even_while_the_system_that_knows_the_names_is_down(world: World) -> None:
    office = Office(world, accounts={}, app=KNOWN_APP, meta=KNOWN_META.replace("nickname: text", "known: text"))
    world.run()
    office.hr.edit("1", first="Eve")
    assert changed(world.run()) == []
    shutil.rmtree(world.folder / ".muster")
    office.app.system.faults.unreachable = True
    result = world.run()
    assert (changed(result), kinds(result["errors"])) == ([], ["unreachable"])
    (note,) = result["notes"]
    assert note["message"] == (
        "metaverse.yaml:6:14: login is given to nobody new before app was read once: whoever has an account there "
        "keeps the name that it shows. What depends on it waits; everything else is written"
    )
    office.app.system.faults.unreachable = False
    assert changed(world.run()) == []
    assert (office.login(), office.crm.values("c1")["mail"]) == ("ada", "ada@x")
    office.hr.put("3", id="3", first="Ada", last="New")
    assert ("app", "create", "ada2") in changed(world.run()), "who is new gets the next"
    assert changed(world.run(full=True)) == []


# --- accounts of which it cannot be told whose they are

FAULTY = BOSS.replace("'[emp]'", "'CStr(CNum([emp]))'")
UNREADABLE: dict[str, Document] = {"ada": {"emp": "A1"}, "bo": {"emp": "2", "boss": "ada"}}


def test_a_join_line_that_fails_on_an_account_gets_its_person_no_second_one(world: World) -> None:
    office = Office(world, accounts=UNREADABLE, app=FAULTY)
    result = world.run()
    assert (changed(result, "app"), office.login()) == ([("app", "update", "bo")], None)
    assert (office.app.values("bo")["boss"], office.crm.values("c1")["mail"]) == ("ada", "ada@x")
    (message,) = waits(result)
    assert "login is not given out before it can be told whose app/account ada, which shows 'ada', is: mend" in message
    assert [one["anchor"] for one in result["errors"]] == ["ada"]
    assert changed(world.run(full=True)) == []
    office.app.edit("ada", emp="1")
    result = world.run()
    assert (result["held"], result["errors"], office.login()) == ([], [], "ada")
    assert (sorted(office.app.all()), office.app.values("bo")["boss"]) == (["ada", "bo"], "ada")


def test_once_it_can_be_told_that_the_account_is_another_persons_the_next_name_is_given(world: World) -> None:
    office = Office(world, accounts=UNREADABLE, app=FAULTY)
    world.run()
    office.app.edit("ada", emp="77")
    result = world.run()
    assert (result["held"], office.login(), office.app.values("bo")["boss"]) == ([], "ada2", "ada2")


def test_a_reference_to_an_account_goes_when_it_can_be_told_that_it_is_not_theirs(world: World) -> None:
    office = Office(world, accounts=UNREADABLE, app=FAULTY.replace("'true'", "'[givenName] = \"Bo\"'"))
    world.run()
    assert office.app.values("bo")["boss"] == "ada"
    office.app.edit("ada", emp="77")
    world.run()
    assert "boss" not in office.app.values("bo")


def test_a_scope_that_fails_on_an_account_gets_its_person_no_second_one(world: World) -> None:
    scope = APP.replace("join:", "scope: 'CNum([emp]) > 0'\njoin:")
    office = Office(world, accounts={"ada": {"emp": "A1"}}, app=scope)
    result = world.run()
    assert (changed(result, "app"), office.login()) == ([("app", "create", "bo")], None)
    assert len(waits(result)) == 1


def test_what_muster_itself_put_right_is_no_error_any_more(world: World) -> None:
    office = Office(world, accounts={"ada": {"emp": "1"}}, app=FAULTY)
    world.run()
    office.app.edit("ada", emp="A1")
    assert [one["anchor"] for one in world.plan()["errors"]] == ["ada"]
    assert (world.run()["errors"], office.app.values("ada")["emp"]) == ([], "1")
