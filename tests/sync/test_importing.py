"""Importing: deletes are earned, one bad object never stops the others, a watermark never passes a failed row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.connectors.kit.memory import MemoryConnector
from muster.model.errors import Unreachable, WentBack
from muster.model.objects import ConnectorObject, Page, ReadProblem
from muster.model.values import Document
from muster.sync.imports.documents import distinct, merged
from tests.sync.readings import COMPLETE, HR, Script, active, numbered, two, worker
from tests.sync.world import World, changed, kinds, the_change

# --- deletes are earned


def test_who_is_missing_in_a_complete_full_import_is_deleted(world: World) -> None:
    hr, _ = two(world, numbered(20))
    world.run()
    hr.remove("003")
    result = world.run(full=True)
    assert changed(result) == [("app", "disable", "u003")]
    assert result["held"] == []


def test_a_full_import_that_broke_off_deletes_nobody(world: World) -> None:
    hr, app = two(world, numbered(20))
    world.run()
    hr.system.page_size = 5
    hr.system.faults.break_after_pages = 2
    result = world.run(full=True)
    assert changed(result) == []
    assert kinds(result["errors"]) == ["unreachable"]
    assert len(active(app)) == 20


@pytest.mark.parametrize(("known", "gone", "held"), [(4, 4, False), (5, 1, True), (20, 2, False), (20, 3, True)])
def test_a_shrunk_full_import_of_five_objects_or_more_is_held(world: World, known: int, gone: int, held: bool) -> None:
    hr, _ = two(world, numbered(known))
    world.write("muster.yaml", "project: test\nstore: sqlite:///.muster/state.db\n")
    world.run()
    for number in range(gone):
        hr.remove(f"{number:03}")
    result = world.plan(full=True)
    assert (kinds(result["held"]) == ["shrunk"]) is held
    assert (changed(result) == []) is held


def test_a_system_put_back_to_an_earlier_state_is_read_anew_and_that_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hr, app = two(world, numbered(20))
    world.run()
    real = MemoryConnector.read

    def read(connector: MemoryConnector, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        if connector.system == "hr" and since is not None:
            raise WentBack("hr: the controller was put back to a snapshot.")
        return real(connector, wanted, since)

    monkeypatch.setattr(MemoryConnector, "read", read)
    for number in range(10):
        hr.remove(f"{number:03}")
    result = world.run()
    (note,) = [one for one in result["notes"] if one["kind"] == "restored"]
    assert note["message"] == "hr: the controller was put back to a snapshot. So everything is read anew"
    assert kinds(result["held"]) == ["shrunk"], "deletions are earned as in every full read"
    assert len(active(app)) == 20


def test_what_was_held_is_held_again_until_somebody_allows_it(world: World) -> None:
    hr, app = two(world, numbered(20))
    world.run()
    for number in range(10):
        hr.remove(f"{number:03}")
    assert kinds(world.run(full=True)["held"]) == ["shrunk"]
    assert kinds(world.run()["held"]) == ["shrunk"]
    assert kinds(world.plan()["held"]) == ["shrunk"]
    result = world.run(allow_deletes=True)
    assert result["held"] == []
    assert len(active(app)) == 10
    assert world.plan()["changes"] == []


def test_what_was_held_is_forgotten_when_the_objects_are_back(world: World) -> None:
    hr, app = two(world, numbered(20))
    world.run()
    for number in range(10):
        hr.remove(f"{number:03}")
    world.run(full=True)
    for number in range(10):
        hr.put(f"{number:03}", id=f"{number:03}", name=f"N{number}")
    result = world.run()
    assert (result["held"], changed(result)) == ([], [])
    assert len(active(app)) == 20


def test_the_share_is_that_of_the_part_that_was_read_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    two(world, {})
    script = Script(monkeypatch)
    parts = [worker(f"{n:03}", partition="north" if n < 20 else "south") for n in range(200)]
    both = frozenset({("worker", "north"), ("worker", "south")})
    script.pages = [Page(objects=parts, complete_for=both, last=True)]
    world.run()
    script.pages = [Page(objects=parts[20:], complete_for=both, last=True)]
    result = world.run(full=True)
    assert kinds(result["held"]) == ["shrunk"]
    assert changed(result) == []


def test_a_part_that_was_not_read_whole_loses_nobody_and_blocks_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    two(world, {})
    script = Script(monkeypatch)
    parts = [worker(f"{n:03}", partition="north" if n < 20 else "south") for n in range(40)]
    script.pages = [Page(objects=parts, complete_for=frozenset({("worker", "north"), ("worker", "south")}), last=True)]
    world.run()
    script.pages = [Page(objects=parts[1:20], complete_for=frozenset({("worker", "north")}), last=True)]
    result = world.run(full=True)
    assert changed(result) == [("app", "disable", "u000")]


def test_what_could_not_be_read_in_one_partition_blocks_deletes_there_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    two(world, {})
    script = Script(monkeypatch)
    parts = [worker(f"{n:03}", partition="north" if n < 20 else "south") for n in range(40)]
    whole = frozenset({("worker", "north"), ("worker", "south")})
    script.pages = [Page(objects=parts, complete_for=whole, last=True)]
    world.run()
    dead = ReadProblem("worker", None, "south does not answer.", partition="south")
    script.pages = [
        Page(objects=parts[1:20], problems=[dead]),
        Page(complete_for=frozenset({("worker", "north")}), last=True),
    ]
    result = world.run(full=True)
    assert changed(result) == [("app", "disable", "u000")]
    assert [error["message"] for error in result["errors"]] == [
        "hr: south does not answer. Until that is mended, no worker of south is taken for deleted"
    ]
    anywhere = ReadProblem("worker", None, "some worker cannot be read.")
    script.pages = [
        Page(objects=parts[2:20], problems=[anywhere]),
        Page(complete_for=frozenset({("worker", "north")}), last=True),
    ]
    assert changed(world.run(full=True)) == []


def test_an_object_shown_twice_does_not_hide_that_others_are_missing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    two(world, {})
    script = Script(monkeypatch)
    everybody = [worker(f"{n:03}") for n in range(20)]
    script.pages = [Page(objects=everybody, complete_for=COMPLETE, last=True)]
    world.run()
    script.pages = [
        Page(objects=everybody[:10]),
        Page(objects=everybody[:10], complete_for=COMPLETE, last=True),
    ]
    assert kinds(world.run(full=True)["held"]) == ["shrunk"]


# --- scripted readings: watermarks, tombstones, partial objects


def test_the_watermark_of_a_reading_is_where_the_next_one_begins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    two(world, {})
    script = Script(monkeypatch)
    script.pages = [Page(objects=[worker("1")], watermark="a", complete_for=COMPLETE, last=True)]
    world.run()
    script.pages = [Page(watermark="b", last=True)]
    world.run()
    world.run()
    assert script.asked == [None, "a", "b"]


def test_who_was_deleted_where_changes_do_not_show_it_is_found_within_a_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that cannot tell deletions says so, and is read whole when the last such read is a day old."""
    _, app = two(world, {})
    script = Script(monkeypatch)
    script.pages = [Page(objects=[worker("1"), worker("2")], watermark="a", complete_for=COMPLETE, last=True)]
    world.run()
    script.pages = [Page(objects=[worker("1")], watermark="b", complete_for=COMPLETE, last=True, blind=True)]
    world.wait(hours=23)
    world.run()
    assert (script.asked, len(active(app))) == ([None, "a"], 2)
    world.wait(hours=1)
    world.run()
    assert (script.asked, len(active(app))) == ([None, "a", "b", None], 1)
    world.wait(hours=1)
    world.run()
    assert script.asked == [None, "a", "b", None, "b"]


def test_a_watermark_never_passes_a_row_that_failed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    two(world, {})
    script = Script(monkeypatch)
    script.pages = [Page(objects=[worker("1")], watermark="a", complete_for=COMPLETE, last=True)]
    world.run()
    failed = ReadProblem("worker", "2", "worker 2: the name is no text")
    script.pages = [Page(objects=[worker("3")], problems=[failed], watermark="b", last=True)]
    result = world.run()
    assert kinds(result["errors"]) == ["read"]
    assert changed(result) == [("app", "create", "u3")]
    script.pages = [Page(objects=[worker("2"), worker("3")], watermark="c", last=True)]
    assert changed(world.run()) == [("app", "create", "u2")]
    world.plan()
    assert script.asked == [None, "a", "a", "c"]


def test_a_watermark_never_passes_pages_that_did_not_come(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    two(world, {})
    script = Script(monkeypatch)
    script.pages = [Page(objects=[worker("1")], watermark="a", complete_for=COMPLETE, last=True)]
    world.run()
    script.pages, script.fault = [Page(objects=[worker("2")])], Unreachable("hr: the line is dead. Mend it.")
    assert changed(world.run()) == [("app", "create", "u2")]
    script.pages, script.fault = [Page(watermark="b", last=True)], None
    world.run()
    assert script.asked == [None, "a", "a"]


def test_tombstones_are_believed_within_the_limits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    two(world, {})
    script = Script(monkeypatch)
    everybody = [worker(f"{n:03}") for n in range(20)]
    script.pages = [Page(objects=everybody, watermark="a", complete_for=COMPLETE, last=True)]
    world.run()
    script.pages = [Page(objects=[worker("001", deleted=True)], watermark="b", last=True)]
    assert changed(world.run()) == [("app", "disable", "u001")]
    script.pages = [Page(objects=[worker(f"{n:03}", deleted=True) for n in range(2, 19)], watermark="c", last=True)]
    result = world.run()
    assert (kinds(result["held"]), changed(result)) == (["tombstones"], [])
    assert kinds(world.run()["held"]) == ["tombstones"]
    assert script.asked == [None, "a", "b", "b"]


def test_a_tombstone_and_the_object_again_in_one_reading_is_an_object(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, app = two(world, {})
    script = Script(monkeypatch)
    script.pages = [Page(objects=[worker("1"), worker("2")], watermark="a", complete_for=COMPLETE, last=True)]
    world.run()
    again = [worker("1", deleted=True), worker("1", name="Again"), worker("2", name="X"), worker("2", deleted=True)]
    script.pages = [Page(objects=again, watermark="b", last=True)]
    world.run()
    assert app.values("u1")["name"] == "Again"
    assert active(app) == {"u1"}


def test_an_object_that_comes_twice_in_one_page_counts_as_it_came_last(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, app = two(world, {})
    script = Script(monkeypatch)
    script.pages = [Page(objects=[worker("1", name="A"), worker("1", name="B")], complete_for=COMPLETE, last=True)]
    result = world.run()
    assert result["errors"] == []
    assert app.values("u1")["name"] == "B"


def test_in_a_partial_object_an_absent_attribute_means_unchanged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, app = two(world, {})
    script = Script(monkeypatch)
    script.pages = [
        Page(objects=[worker("1", name="Ada", mail="ada@x")], watermark="a", complete_for=COMPLETE, last=True)
    ]
    world.run()
    script.pages = [Page(objects=[worker("1", whole=False, name="Augusta")], watermark="b", last=True)]
    result = world.run()
    assert set(the_change(result, "app")["attributes"]) == {"name"}
    assert app.values("u1")["mail"] == "ada@x"


def test_a_partial_object_that_nobody_knows_asks_for_everything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, app = two(world, {})
    script = Script(monkeypatch)
    script.pages = [Page(objects=[worker("1")], watermark="a", complete_for=COMPLETE, last=True)]
    world.run()

    def answer(since: str | None) -> Iterator[Page]:
        if since is not None:
            yield Page(objects=[worker("2", whole=False, name="Half")], watermark="b", last=True)
        else:
            everybody = [worker("1"), worker("2", name="Whole", mail="w@x")]
            yield Page(objects=everybody, watermark="b", complete_for=COMPLETE, last=True)

    monkeypatch.setattr(script, "_answer", answer)
    world.run()
    assert script.asked == [None, "a", None]
    assert app.values("u2")["mail"] == "w@x"


def test_the_rules_may_ask_for_less_and_later_again_for_more(world: World) -> None:
    hr, app = two(world, {"1": {"name": "Ada", "mail": "a@x"}, "2": {"name": "Bo", "mail": "b@x"}})
    world.run()
    world.mapping("hr-worker", "hr", "worker", HR.replace("    mail: '[mail]'\n", ""))
    hr.edit("1", name="Augusta")
    world.run()
    world.mapping("hr-worker", "hr", "worker", HR)
    world.run()
    assert app.values("u1")["mail"] == "a@x"
    assert app.values("u2")["mail"] == "b@x"


# --- unknown, not NULL


def test_an_attribute_never_yet_read_is_unknown_so_its_flow_waits(world: World) -> None:
    hr, app = two(world, {"1": {"name": "Ada", "mail": "a@x", "nick": "Countess"}})
    world.run()
    world.mapping("hr-worker", "hr", "worker", HR.replace("'[name]'", "'[nick]'"))
    hr.system.faults.unreachable = True
    result = world.run()
    assert kinds(result["errors"]) == ["unreachable"]
    assert app.values("u1")["name"] == "Ada"
    assert world.identity("1")["mail"] == "a@x"
    hr.system.faults.unreachable = False
    world.run()
    assert app.values("u1")["name"] == "Countess"


def test_an_unknown_scope_neither_takes_anybody_in_nor_puts_anybody_out(world: World) -> None:
    hr, app = two(world, {"1": {"name": "Ada", "state": "here"}, "2": {"name": "Bo"}})
    world.run()
    world.mapping("hr-worker", "hr", "worker", "scope: '[state] = \"here\"'" + HR)
    hr.system.faults.unreachable = True
    world.run()
    assert active(app) == {"u1", "u2"}
    hr.system.faults.unreachable = False
    world.run()
    assert active(app) == {"u1"}


def test_what_became_known_to_be_null_goes_on_too(world: World) -> None:
    world.source("hr", "worker", rows={"1": {"name": "Ada"}}, mapping=HR)
    badge = world.source(
        "badge",
        "card",
        rows={"7": {"emp": "1", "colour": "red"}},
        mapping="identity: person\njoin: [{employeeId: '[emp]'}]",
    )
    world.run()
    badge.system.faults.unreachable = True
    world.mapping(
        "badge-card",
        "badge",
        "card",
        """
        identity: person
        join: [{employeeId: '[emp]'}]
        scope: 'IsNullOrEmpty([lost])'
        inbound: {precedence: 20, flows: {city: '[colour]'}}
        """,
    )
    world.run()
    badge.system.faults.unreachable = False
    world.run()
    assert world.identity("1")["city"] == "red"


# --- several types in one system


def test_a_problem_of_one_type_says_nothing_of_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    two(world, {})
    script = Script(monkeypatch)
    everybody = [worker(f"{n:03}") for n in range(20)]
    script.pages = [Page(objects=everybody, complete_for=COMPLETE, last=True)]
    world.run()
    problem = ReadProblem("room", None, "room: the line is cut")
    script.pages = [Page(objects=everybody[1:], problems=[problem], complete_for=COMPLETE, last=True)]
    result = world.run()
    assert changed(result) == [("app", "disable", "u000")]
    assert kinds(result["errors"]) == ["read"]


# --- the pure parts


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9))))
def test_batches_keep_the_order_and_never_hold_an_anchor_twice(shown: list[tuple[str, int]]) -> None:
    items = [ConnectorObject("x", anchor, {"n": number}) for anchor, number in shown]
    batches = list(distinct(items))
    assert [item for batch in batches for item in batch] == items
    assert all(len({item.anchor for item in batch}) == len(batch) for batch in batches)


DOCUMENTS: st.SearchStrategy[Document] = st.dictionaries(
    st.sampled_from("abc"), st.one_of(st.none(), st.text(max_size=2), st.just([]))
)


@given(DOCUMENTS, DOCUMENTS)
def test_a_partial_object_changes_what_it_names_and_nothing_else(before: Document, partial: Document) -> None:
    known: Document = {name: value for name, value in before.items() if value is not None and value != []}
    after = merged(known, partial)
    assert {n: v for n, v in after.items() if n not in partial} == {n: v for n, v in known.items() if n not in partial}
    empty = {name for name, value in partial.items() if value is None or value == []}
    assert empty.isdisjoint(after)
    assert all(after[name] == value for name, value in partial.items() if name not in empty)


SHOWN = st.dictionaries(st.sampled_from(["1", "2", "3", "4"]), st.text("xyz", min_size=1, max_size=2), max_size=4)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SHOWN, min_size=1, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_after_any_changes_read_either_way_the_metaverse_is_what_hr_shows(
    tmp_path_factory: pytest.TempPathFactory, states: list[dict[str, str]], full: list[bool]
) -> None:
    with World(tmp_path_factory.mktemp("world")) as world:
        hr, app = two(world, {})
        for state, whole in zip(states, full, strict=False):
            for anchor in [a for a in hr.all() if a not in state]:
                hr.remove(anchor)
            for anchor, name in state.items():
                hr.put(anchor, id=anchor, name=name)
            world.run(full=whole, allow_deletes=True)
            assert {a: v["name"] for a, v in app.all().items() if v["enabled"]} == {
                f"u{anchor}": name for anchor, name in state.items()
            }
