"""Conditions mean the same in SQL, on both databases, as they do read aloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.directory.applications import add_application
from muster.directory.capabilities import Checker
from muster.directory.directory import Directory, Settings
from muster.directory.errors import Unsupported
from muster.directory.extensions import register
from muster.directory.filters import (
    Among,
    Both,
    Compare,
    Condition,
    Counted,
    Either,
    Match,
    Not,
    Quantified,
    Words,
)
from muster.directory.groups import create_group
from muster.directory.keys import comparable, fold
from muster.directory.lifecycle import delete
from muster.directory.objects import Entry, find
from muster.directory.pages import Position, Query, count, page
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.schema.property import Type
from muster.directory.users import create_user
from muster.model.values import instant_text, parse_instant
from tests.directory.support import person, security

USER = SCHEMAS[Kind.USER]
TEXTS = ["", "a", "A", "ab", "Ärger", "ärger", "straße", "STRASSE", "x%_!", "o'neil", "z\U0001f600", "10", "9"]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def crowd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """Users that differ in everything that filters look at."""
    url = "sqlite:///.muster/state.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_server").database()
    with Directory.open(url, tmp_path_factory.mktemp("crowd"), Settings("Acme")) as directory:
        with directory.write(sync=True) as work:
            for number in range(40):
                word = TEXTS[number % len(TEXTS)] or None
                other = TEXTS[(number * 5 + number // 13) % len(TEXTS)] or None
                create_user(
                    work,
                    person(
                        f"P{number}",
                        displayName=f"{word or 'none'} {number}",
                        department=word,
                        jobTitle=other,
                        companyName=word if number % 3 else None,
                        accountEnabled=number % 4 != 0,
                        employeeHireDate=f"2026-01-{1 + number % 28:02d}T00:00:00Z" if number % 5 else None,
                        otherMails=[f"{number}@x.example", f"{number % 7}@y.example"][: number % 3] or None,
                        imAddresses=[f"sip:{number % 3}", f"sip:{number % 5}"][: number % 3] or None,
                        identities=[
                            {"signInType": "x", "issuer": f"i{number % 3}", "issuerAssignedId": f"{number % 4}"},
                            {"signInType": "y", "issuer": f"i{number % 2}", "issuerAssignedId": f"{number % 5}"},
                        ][: number % 3] or None,
                        onPremisesExtensionAttributes={"extensionAttribute3": word} if word else None,
                    ),
                )  # fmt: skip
        yield directory


# --- what a condition means, read aloud


def value_at(entry: Entry, path: tuple[str, ...]) -> Any:
    found: Any = entry.guid if path == ("id",) else entry.doc
    for name in path if path != ("id",) else ():
        found = (found or {}).get(name)
    return found


def holds(condition: Condition, entry: Entry) -> bool:
    match condition:
        case Both(conditions):
            return all(holds(one, entry) for one in conditions)
        case Either(conditions):
            return any(holds(one, entry) for one in conditions)
        case Not(inner):
            return not holds(inner, entry)
        case Counted(path, operator, number):
            return (len(value_at(entry, path) or ()) == number) == (operator == "eq")
        case Quantified(path, every, inner):
            values = value_at(entry, path) or ()
            one = USER.properties[path[0]]
            if inner is None:
                return bool(values)
            tests = [holds_of_item(inner, item, one) for item in values]
            return all(tests) if every else any(tests)
        case Words():
            raise AssertionError
        case Compare(path) | Among(path) | Match(path):
            one = USER.properties[path[0]]
            for name in path[1:]:
                one = one.part[name]
            return simple(condition, value_at(entry, path), one)


def holds_of_item(condition: Condition, item: Any, one: Any) -> bool:
    match condition:
        case Both(conditions):
            return all(holds_of_item(each, item, one) for each in conditions)
        case Either(conditions):
            return any(holds_of_item(each, item, one) for each in conditions)
        case Not(inner):
            return not holds_of_item(inner, item, one)
        case Compare(path) | Among(path) | Match(path):
            if path:
                return simple(condition, item.get(path[0]), one.part[path[0]])
            return simple(condition, item, one)
        case _:
            raise AssertionError


def simple(condition: Compare | Among | Match, value: Any, one: Any) -> bool:
    if isinstance(condition, Among):
        return any(simple(Compare(condition.path, "eq", each), value, one) for each in condition.values)
    if isinstance(condition, Match):
        if value is None:
            return False
        text, part = fold(value), fold(condition.text)
        return text.startswith(part) if condition.function == "startsWith" else text.endswith(part)
    if condition.value is None:
        return (value is None) == (condition.operator == "eq")
    if value is None:
        return condition.operator == "ne"
    wanted = condition.value
    if one.type is Type.INSTANT:
        wanted = instant_text(parse_instant(str(wanted)))
    left, right = comparable(value, one.type), comparable(wanted, one.type)
    return {
        "eq": left == right, "ne": left != right, "ge": left >= right, "gt": left > right,
        "le": left <= right, "lt": left < right,
    }[condition.operator]  # fmt: skip


# --- conditions of every kind

words = st.sampled_from([text for text in TEXTS if text])
compares = st.sampled_from(["eq", "ne", "ge", "gt", "le", "lt"])
nothing = st.none()
text_paths = st.sampled_from([
    ("department",), ("jobTitle",), ("companyName",), ("onPremisesExtensionAttributes", "extensionAttribute3"),
])  # fmt: skip
hires = st.sampled_from(["2026-01-05T00:00:00Z", "2026-01-10T02:00:00+02:00", "2027-01-01T00:00:00Z"])
simple_conditions: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, text_paths, compares, words),
    st.builds(Compare, text_paths, st.sampled_from(["eq", "ne"]), nothing),
    st.builds(Compare, st.just(("displayName",)), compares, st.sampled_from(["a 1", "Straße 6", "P", "none 0"])),
    st.builds(Compare, st.just(("accountEnabled",)), st.sampled_from(["eq", "ne"]), st.booleans()),
    st.builds(Compare, st.just(("employeeHireDate",)), compares, hires),
    st.builds(Compare, st.just(("employeeHireDate",)), st.sampled_from(["eq", "ne"]), nothing),
    st.builds(Among, text_paths, st.lists(words, min_size=1, max_size=3).map(tuple)),
    st.builds(Match, text_paths.filter(lambda path: len(path) == 1), st.just("startsWith"), words),
    st.builds(Match, st.just(("userPrincipalName",)), st.just("endsWith"), st.sampled_from(["7@acme.example", "%"])),
)
item_texts = st.sampled_from(["1@x.example", "3@Y.example", "3@", "sip:1", "sip:"])
item_conditions: st.SearchStrategy[Condition] = st.recursive(
    st.one_of(
        st.builds(Compare, st.just(()), compares, item_texts),
        st.builds(Match, st.just(()), st.just("startsWith"), item_texts),
    ),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Both, st.lists(inner, min_size=2, max_size=2).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=2, max_size=2).map(tuple)),
    ),
    max_leaves=3,
)
identity_conditions = st.builds(
    Both,
    st.tuples(
        st.builds(Compare, st.just(("issuer",)), st.just("eq"), st.sampled_from(["i0", "I1", "i2"])),
        st.builds(Compare, st.just(("issuerAssignedId",)), st.sampled_from(["eq", "ne"]), st.sampled_from(["0", "1"])),
    ),
)
list_conditions: st.SearchStrategy[Condition] = st.one_of(
    st.builds(
        Quantified, st.sampled_from([("otherMails",), ("imAddresses",)]), st.booleans(), nothing | item_conditions
    ),
    st.builds(Quantified, st.just(("identities",)), st.booleans(), identity_conditions),
    st.builds(Counted, st.sampled_from([("otherMails",), ("imAddresses",)]), st.sampled_from(["eq", "ne"]),
              st.sampled_from([0, 1])),
)  # fmt: skip
conditions: st.SearchStrategy[Condition] = st.recursive(
    st.one_of(simple_conditions, list_conditions),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Both, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("many", [0, 3, 5000])
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=conditions)
def test_a_query_finds_what_its_condition_says(crowd: Directory, many: int, condition: Condition) -> None:
    """Wherever it begins, which depends on how many there are."""
    with patch("muster.directory.planning._MANY", many), crowd.read() as work:
        everybody = page(work, Query(USER), 999).entries
        expected = [one.guid for one in everybody if holds(condition, one)]
        query = Query(USER, condition)
        whole = [one.guid for one in page(work, query, 999).entries]
        assert sorted(whole) == sorted(expected)
        assert count(work, query) == len(expected)
        paged: list[str] = []
        after: Position | None = None
        while after is not None or not paged:
            found = page(work, query, 7, after)
            paged += [one.guid for one in found.entries]
            after = found.next
            if after is None:
                break
        assert paged == whole
        ordered = [one.guid for one in page(work, Query(USER, condition, "displayName", descending=True), 999).entries]
        by_name = sorted((one for one in everybody if holds(condition, one)),
                         key=lambda one: (fold(one.doc["displayName"]), one.id), reverse=True)  # fmt: skip
        assert ordered == [one.guid for one in by_name]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=conditions)
def test_everything_these_tests_ask_can_be_asked(crowd: Directory, condition: Condition) -> None:
    Checker(USER, {}, advanced=True).check(condition)


def test_pages_in_an_order_fit_together(crowd: Directory) -> None:
    for descending in (False, True):
        query = Query(USER, None, "displayName", descending)
        with crowd.read() as work:
            whole = page(work, query, 999).entries
            after: Position | None = None
            parts: list[Entry] = []
            for _ in range(20):
                found = page(work, query, 3, after)
                parts += found.entries
                after = found.next
                if after is None:
                    break
        assert [one.guid for one in parts] == [one.guid for one in whole]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("displayName", "lovelace", ["Ada Lovelace", "lovelace-Brown"]),
        ("displayName", "LOVE", ["Ada Lovelace", "lovelace-Brown"]),
        ("displayName", "ada love", ["Ada Lovelace"]),
        ("displayName", "ovelace", []),
        ("displayName", "world", ["HelloWorld2"]),
        ("displayName", "helloworld", ["HelloWorld2"]),
        ("displayName", "2", ["HelloWorld2"]),
        ("displayName", "%", []),
        ("description", "engine", ["Ada Lovelace", "HelloWorld2"]),
    ],
)
def test_words_are_searched(lite: Directory, path: str, text: str, found: list[str]) -> None:
    with lite.write() as work:
        for name, told in (("Ada Lovelace", "First engineer"), ("lovelace-Brown", "x"), ("HelloWorld2", "EngineRoom")):
            create_group(work, security(name, description=told, mailNickname=fold(name.replace(" ", ""))), [], [])
        query = Query(SCHEMAS[Kind.GROUP], Words((path,), text))
        assert [one.doc["displayName"] for one in page(work, query, 9).entries] == found


@pytest.mark.parametrize("many", [0, 5000])
@pytest.mark.parametrize("text", ["ad", "ad lo", "lo ad", "lo"])
def test_who_is_found_by_two_words_is_found_once(directory: Directory, many: int, text: str) -> None:
    with directory.write() as work, patch("muster.directory.planning._MANY", many):
        for number in range(12):
            create_user(work, person(f"Ada{number} Adams Lovelace Adelaide{number}"))
        query = Query(USER, Words(("displayName",), text))
        found: list[str] = []
        after: Position | None = None
        for _ in range(60):
            one = page(work, query, 3, after)
            found += [each.guid for each in one.entries]
            after = one.next
            if after is None:
                break
        assert after is None
        assert len(found) == len(set(found)) == count(work, query) == 12


def test_deleted_objects_are_filtered_by_the_same_properties(crowd: Directory) -> None:
    with crowd.write() as work:
        made = create_user(work, person("Short Lived", department="Ärger", otherMails=["s@x.example"]))
        delete(work, made)
        for condition in (
            Compare(("department",), "eq", "äRGER"),
            Compare(("userPrincipalName",), "eq", "short.lived@acme.example"),
            Match(("displayName",), "startsWith", "SHORT"),
            Quantified(("otherMails",), False, Compare((), "eq", "s@x.example")),
            Compare(("deletedDateTime",), "ge", "2026-01-01T00:00:00Z"),
            Compare(("id",), "eq", made.guid),
        ):
            query = Query(USER, condition, deleted=True)
            assert [one.guid for one in page(work, query, 9).entries] == [made.guid], condition
            assert made.guid not in [one.guid for one in page(work, Query(USER), 999).entries]


def test_a_directory_extension_is_filtered_once_it_is_registered(directory: Directory) -> None:
    with directory.write() as work:
        application = add_application(work, "HR")
        shoe = register(work, application, {"name": "shoe", "dataType": "Integer", "targetObjects": ["User"]})
        create_user(work, person("Ada", **{shoe.name: 38}))
        create_user(work, person("Grace", **{shoe.name: 41}))
    with directory.read() as work:
        Checker(USER, work.extensions(Kind.USER), advanced=True).check(Compare((shoe.name,), "ge", 40))
        found = page(work, Query(USER, Compare((shoe.name,), "ge", 40)), 9)
        assert [one.doc["displayName"] for one in found.entries] == ["Grace"]
        assert find(work, found.entries[0].guid).doc[shoe.name] == 41


# --- what cannot be asked


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Compare(("nonsense",), "eq", "x"), "property named 'nonsense'"),
        (Compare(("passwordProfile", "password"), "eq", "x"), "Unsupported or invalid"),
        (Compare(("proxyAddresses",), "eq", "x"), "Unsupported or invalid"),
        (Compare(("accountEnabled",), "eq", "true"), "no Edm.Boolean"),
        (Compare(("accountEnabled",), "ge", True), "Unsupported or invalid"),
        (Compare(("createdDateTime",), "ge", "yesterday"), "no Edm.DateTimeOffset"),
        (Compare(("id",), "eq", "me"), "no Edm.Guid"),
        (Compare(("streetAddress",), "ge", None), "Unsupported or invalid"),
        (Match(("department",), "endsWith", "x"), "Unsupported or invalid"),
        (Quantified(("department",), False, None), "Unsupported or invalid"),
        (Quantified(("otherMails",), False, Compare(("x",), "eq", "y")), "property named"),
        (Quantified(("otherMails",), False, Compare((), "eq", None)), "Unsupported or invalid"),
        (Among(("department",), (None,)), "Unsupported or invalid"),
        (Counted(("otherMails",), "ge", 1), "eq and ne"),
        (Words(("city",), "x"), "cannot be searched"),
    ],
)
def test_what_cannot_be_asked(condition: Condition, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        Checker(USER, {}, advanced=True).check(condition)


@pytest.mark.parametrize(
    "condition",
    [
        Compare(("department",), "ne", "x"),
        Compare(("department",), "eq", None),
        Compare(("companyName",), "eq", "x"),
        Match(("mail",), "endsWith", "x"),
        Not(Compare(("department",), "eq", "x")),
        Counted(("otherMails",), "eq", 0),
        Quantified(("otherMails",), True, Compare((), "eq", "x")),
    ],
)
def test_what_needs_the_advanced_parameters(condition: Condition) -> None:
    Checker(USER, {}, advanced=True).check(condition)
    with pytest.raises(Unsupported, match="ConsistencyLevel:eventual"):
        Checker(USER, {}, advanced=False).check(condition)
