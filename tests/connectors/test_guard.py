"""The guard: retries that end, one outcome a change whatever happens, no secret in a text, bugs called bugs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Self

import pytest

from muster.connectors.kit.guard import ConnectorBug, Guard, RetryPolicy
from muster.connectors.kit.memory import MemoryConnector
from muster.connectors.kit.mutants_reading import ShowsTheSecret
from muster.connectors.kit.mutants_writing import AnswersTwice, LosesALastBatch
from muster.connectors.kit.redaction import Redactor, secrets_of
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError, Throttled, Unreachable
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.secrets import Secret
from muster.model.values import Value
from tests.connectors.subjects import PASSWORD, MemorySubject, subject_of

WANTED: Mapping[str, Sequence[str]] = {"account": ["name"]}


@pytest.fixture
def subject() -> Iterator[MemorySubject]:
    made = MemorySubject("guarded")
    yield made
    made.system.close()


class Naps:
    """A sleep that only remembers; `then` happens at the first."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def guarded(subject: MemorySubject, naps: Naps | None = None, **options: object) -> Guard:
    settings = dict(options)
    return Guard(subject.open(), system="app", sleep=naps or Naps(), secrets=[PASSWORD], **settings)  # type: ignore[arg-type]


def creates(subject: MemorySubject, count: int) -> list[Change]:
    return [
        Change(n, "account", Action.CREATE, f"A{n}", {"id": f"A{n}", **subject.sample(n)}) for n in range(1, count + 1)
    ]


# --- trying again


def test_connecting_is_tried_three_times_with_growing_waits_and_then_says_which_system(subject: MemorySubject) -> None:
    subject.system.faults.unreachable = True
    naps = Naps()
    with pytest.raises(Unreachable, match="app: "), guarded(subject, naps):
        pass
    assert naps.taken == [0.5, 1.0]
    assert sum(naps.taken) < 3


def test_connecting_goes_on_when_the_system_comes_back(subject: MemorySubject) -> None:
    subject.system.faults.throttled = 1.5

    def wake(seconds: float) -> None:
        assert seconds == 1.5
        subject.system.faults.throttled = None

    with Guard(subject.open(), sleep=wake) as guard:
        assert guard.check().ok
    assert guard.counters.retries == 1
    assert guard.counters.waited == 1.5


def test_a_system_that_asks_for_a_long_wait_is_not_waited_for(subject: MemorySubject) -> None:
    subject.system.faults.throttled = 600
    naps = Naps()
    with pytest.raises(Throttled) as raised, guarded(subject, naps):
        pass
    assert raised.value.retry_after == 600
    assert naps.taken == []


def test_a_wrong_password_is_not_tried_again(subject: MemorySubject) -> None:
    supplied = subject.wrong_secret()
    assert supplied is not None
    naps = Naps()
    with pytest.raises(AuthFailed), Guard(supplied[0], sleep=naps):
        pass
    assert naps.taken == []


class BreaksOnce(MemoryConnector):
    """Breaks at the first read, before its first page."""

    broken = 0

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        type(self).broken += 1
        if type(self).broken == 1:
            raise Unreachable("app: the line broke")
        yield from super().read(wanted, since)


def test_a_read_that_breaks_before_its_first_page_starts_again_in_a_new_session() -> None:
    subject = subject_of(BreaksOnce)
    BreaksOnce.broken = 0
    subject.add(1)
    with guarded(subject) as guard:
        pages = list(guard.read(WANTED))
    subject.system.close()
    assert [item.anchor for page in pages for item in page.objects] == ["A1"]
    assert subject.system.sessions == 2


def test_a_read_is_not_started_again_after_a_page_was_handed_out(subject: MemorySubject) -> None:
    for n in range(1, 8):
        subject.add(n)
    subject.system.faults.break_after_pages = 1
    with guarded(subject) as guard:
        pages = guard.read(WANTED)
        assert len(next(pages).objects) == 3
        with pytest.raises(Unreachable):
            next(pages)
    assert guard.counters.retries == 0


# --- one outcome a change


def test_every_change_has_an_outcome_after_the_session_broke(subject: MemorySubject) -> None:
    subject.system.faults.break_after_changes = 3
    naps = Naps()
    with guarded(subject, naps) as guard:
        outcomes = list(guard.write(creates(subject, 10)))
        later = list(guard.write(creates(subject, 2)))
    assert [outcome.key for outcome in outcomes] == list(range(1, 11))
    assert [outcome.result for outcome in outcomes] == [Result.DONE] * 3 + [Result.RETRY] * 7
    assert "broke while writing" in outcomes[5].reason
    assert isinstance(guard.broken, Unreachable)
    assert {outcome.result for outcome in later} == {Result.RETRY}, "a broken session writes nothing more"
    assert subject.system.count() == 3
    assert naps.taken == []


def test_a_change_that_is_to_be_retried_is_sent_again_a_few_times(subject: MemorySubject) -> None:
    subject.system.faults.retry = {"A2": 1, "A3": 99}
    with guarded(subject) as guard:
        outcomes = {outcome.key: outcome.result for outcome in guard.write(creates(subject, 4))}
    assert outcomes == {1: Result.DONE, 2: Result.DONE, 3: Result.RETRY, 4: Result.DONE}
    assert guard.counters.results == {Result.DONE: 3, Result.RETRY: 1}
    assert guard.counters.retries == 3


def test_a_change_whose_edges_were_read_already_is_not_sent_again(subject: MemorySubject) -> None:
    subject.system.faults.retry = {"A1": 1}
    change = replace(creates(subject, 1)[0], edges=iter([EdgeChange("members", ["x"], [])]))
    with guarded(subject) as guard:
        assert [outcome.result for outcome in guard.write([change])] == [Result.RETRY]


@pytest.mark.parametrize(
    ("mutant", "said"),
    [(AnswersTwice, "an outcome for change 1"), (LosesALastBatch, "no outcome for 4 changes .the first: 1.")],
)
def test_a_missing_or_a_second_outcome_is_a_bug_of_the_connector(mutant: type[MemoryConnector], said: str) -> None:
    subject = subject_of(mutant)
    with guarded(subject) as guard, pytest.raises(ConnectorBug, match=said):
        list(guard.write(creates(subject, 4)))
    subject.system.close()


def test_an_error_of_the_caller_is_not_blamed_on_the_connector(subject: MemorySubject) -> None:
    def feed() -> Iterator[Change]:
        yield creates(subject, 1)[0]
        raise ValueError("the plan is broken")

    with guarded(subject) as guard, pytest.raises(ValueError, match="the plan is broken"):
        list(guard.write(feed()))


# --- bugs and secrets


class Careless(MemoryConnector):
    """Raises what no connector may, with the password in it."""

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        raise KeyError(f"no column for {PASSWORD.reveal()}")


def test_an_unexpected_exception_is_a_bug_that_names_system_and_connector() -> None:
    subject = subject_of(Careless)
    with guarded(subject) as guard, pytest.raises(ConnectorBug) as raised:
        list(guard.write(creates(subject, 1)))
    subject.system.close()
    assert "app" in raised.value.message
    assert "'memory'" in raised.value.message
    assert "KeyError" in raised.value.message
    assert PASSWORD.reveal() not in raised.value.message
    assert raised.value.__cause__ is None, "its text holds the secret"


def test_a_setting_that_is_wrong_is_no_bug_of_the_connector() -> None:
    class Misled(MemoryConnector):
        def __enter__(self) -> Self:
            raise ProjectError("app: `ca` names no file.")

    subject = subject_of(Misled)
    with pytest.raises(ProjectError, match="`ca` names no file"), guarded(subject):
        pass
    subject.system.close()


def test_no_secret_leaves_the_guard() -> None:
    subject = subject_of(ShowsTheSecret)
    supplied = subject.wrong_secret()
    assert supplied is not None
    connector, secret = supplied
    with pytest.raises(AuthFailed) as raised, Guard(connector, system="app", secrets=[secret]):
        pass
    subject.system.close()
    assert "Tried '***'" in raised.value.message
    assert secret.reveal() not in repr(raised.value)


def test_secrets_are_found_in_settings_and_in_every_form_of_a_url(subject: MemorySubject) -> None:
    connector = subject.open()
    assert isinstance(connector, MemoryConnector)
    assert secrets_of(connector._settings) == [PASSWORD]
    redact = Redactor([Secret("pä ss/1"), Secret("ab")])
    assert redact("x://u:p%C3%A4%20ss%2F1@h p%C3%A4+ss%2F1 pä ss/1") == "x://u:***@h *** ***"
    assert redact("cab ab abacus") == "cab *** abacus"


# --- dry run and rate


def test_a_dry_run_answers_and_writes_nothing(subject: MemorySubject) -> None:
    with guarded(subject, dry_run=True) as guard:
        outcomes = list(guard.write(creates(subject, 3)))
    assert [outcome.result for outcome in outcomes] == [Result.DONE] * 3
    assert subject.system.count() == 0


def test_changes_are_written_no_faster_than_the_settings_allow(subject: MemorySubject) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    guard = Guard(subject.open(), sleep=sleep, clock=lambda: now, changes_per_second=10)
    with guard:
        list(guard.write(creates(subject, 21)))
    assert now == pytest.approx(2.0)


def test_a_policy_never_waits_longer_than_it_says() -> None:
    policy = RetryPolicy(tries=4, first=1, growth=10, longest=5)
    assert [policy.wait(n, None) for n in (1, 2, 3, 4)] == [1, 5, 5, None]
    assert policy.wait(1, 5.5) is None


# --- what no store can hold


class ShowsTheUnstorable(MemoryConnector):
    """Shows an object, a member and an answer that no store can hold."""

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        for page in super().read(wanted, since):
            page.objects.append(ConnectorObject("account", "B1", {"name": "Bo\0b"}, where="row 7"))
            page.objects.append(ConnectorObject("account", "B\0", {"name": "Bob"}))
            page.objects.append(ConnectorObject("account", "B2", {"aliases": ["x", "\ud83d"], "age": 1 << 70}))
            page.objects.append(ConnectorObject("account", "B3", {"name": r"a \u0000 in words"}))
            page.edges.append(EdgePage("account", "B3", "members", ["one", "t\0wo"], whole=True))
            yield page

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        del equal
        yield ConnectorObject(object_type, "B1", {"name": "Bo\0b"}, where="row 7")

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        for outcome in super().write(changes):
            outcome.values = {"name": "Ann", "title": "a\0b"}
            yield outcome


def test_what_no_store_can_hold_does_not_come_through() -> None:
    subject = subject_of(ShowsTheUnstorable)
    subject.add(1)
    with guarded(subject) as guard:
        (page,) = guard.read(WANTED)
        with pytest.raises(IncompleteRead, match="app: row 7: name holds a NUL character"):
            guard.find("account", {"name": "Bob"})
        (outcome,) = guard.write(creates(subject, 2)[1:])
    subject.system.close()
    assert [item.anchor for item in page.objects] == ["A1", "B3"]
    assert [edge.values for edge in page.edges if edge.anchor == "B3"] == [["one"]]
    assert [(told.anchor, told.where) for told in page.problems] == [
        ("B1", "row 7"),
        (None, ""),
        ("B2", ""),
        ("B3", ""),
    ]
    assert [told.message.partition(" as ")[0] for told in page.problems] == [
        "name holds a NUL character (U+0000)",
        "the anchor holds a NUL character (U+0000)",
        "aliases holds half of a character (U+D83D)",
        "members holds a NUL character (U+0000)",
    ]
    assert "age holds a number of more than 64 bits" in page.problems[2].message
    assert outcome.values == {"name": "Ann"}


# --- actions


class Acting(MemoryConnector):
    """Gives passes, tells them where it should not, and breaks when it is asked to."""

    def act(self, object_type: str, anchor: str, action: str, parameters: Mapping[str, Value], key: str) -> Outcome:
        if action == "break":
            raise Throttled("come back later", 30.0)
        if action == "tell":
            return Outcome(0, Result.REJECTED, anchor, reason=f"{object_type} {key}: {PASSWORD.reveal()} {parameters}")
        return Outcome(0, Result.DONE, anchor, reason="it is pass-4711", secret=Secret("pass-4711"))


def test_an_action_has_its_outcome_and_its_secret_apart() -> None:
    subject = subject_of(Acting)
    with guarded(subject) as guard:
        given = guard.act("account", "A1", "pass", {}, "1")
        told = guard.act("account", "A1", "tell", {"a": 1}, "2")
        broken = guard.act("account", "A1", "break", {}, "3")
        assert isinstance(guard.broken, Throttled)
    assert (given.result, given.secret, given.reason) == (Result.DONE, Secret("pass-4711"), "it is ***")
    assert (told.result, told.reason) == (Result.REJECTED, "account 2: *** {'a': 1}")
    assert (broken.result, broken.after) == (Result.RETRY, 30.0)
    with guarded(subject, dry_run=True) as guard:
        assert guard.act("account", "A1", "break", {}, "1").result is Result.DONE
    subject.system.close()


def test_acting_is_only_for_connectors_that_can(subject: MemorySubject) -> None:
    with guarded(subject) as guard, pytest.raises(ConnectorBug, match="cannot act"):
        guard.act("account", "A1", "pass", {}, "1")
