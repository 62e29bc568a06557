"""A query begins where the fewest objects are, and reads no more than its page."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from muster.directory.directory import Directory
from muster.directory.filters import Among, Both, Compare, Condition, Either, Match, Quantified, Words
from muster.directory.planning import Plan, Position, Query, plan_count, plan_page
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.users import create_users
from tests.directory.support import person

USER = SCHEMAS[Kind.USER]
MANY = Compare(("department",), "eq", "Engines")
FEW = Compare(("employeeId",), "eq", "7")
BEGINNING = Match(("displayName",), "startsWith", "Ada")
ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def crowd(directory: Directory) -> Iterator[Directory]:
    """Thirty people; more than five are many."""
    with directory.write() as work:
        create_users(work, [person(f"Ada {n}", department="Engines", employeeId=str(n)) for n in range(30)])
    with patch("muster.directory.planning._MANY", 5):
        yield directory


def plan(directory: Directory, *conditions: Condition, order: str | None = None, after: Position | None = None) -> Plan:
    with directory.read() as work:
        return plan_page(work, Query(USER, Both(conditions), order), after)


def test_of_several_conditions_the_rarest_is_where_to_begin(crowd: Directory) -> None:
    for conditions in ((MANY, FEW), (FEW, MANY), (BEGINNING, FEW), (FEW, Words(("displayName",), "ada"))):
        found = plan(crowd, *conditions)
        assert found.where.values[:2] == (USER.code(9), "7")
        assert (found.id, found.sort) == ("k.object", None)


def test_what_is_many_is_read_along_the_index(crowd: Directory) -> None:
    for conditions in ((BEGINNING,), (Words(("displayName",), "ada"),), (MANY, BEGINNING)):
        assert plan(crowd, *conditions).sort == "k.key"
    assert plan(crowd, MANY).id == "k.object"


def test_pages_go_on_as_they_began(crowd: Directory) -> None:
    assert plan(crowd, BEGINNING, after=Position(9, "ada 3")).sort == "k.key"
    assert plan(crowd, BEGINNING, after=Position(9)).sort is None
    assert plan(crowd, BEGINNING, order="createdDateTime").sort is None


def test_what_is_few_is_gathered(crowd: Directory) -> None:
    for condition in (
        Match(("displayName",), "startsWith", "Ada 7"),
        Among(("employeeId",), ("3", "4")),
        Words(("displayName",), "7"),
    ):
        assert plan(crowd, condition).source.startswith("(SELECT DISTINCT k.object FROM dir_key k")


def test_either_of_many_values_is_one_of_them(crowd: Directory) -> None:
    numbers = Either(tuple(Compare(("employeeId",), "eq", str(number)) for number in range(3)))
    found = plan(crowd, numbers)
    assert found.source.startswith("(SELECT DISTINCT k.object FROM dir_key k")
    assert ["0", "1", "2"] in found.where.values
    addresses = Either(tuple(Quantified(("otherMails",), False, Compare((), "eq", text)) for text in ("a", "b")))
    assert ["a", "b"] in plan(crowd, addresses).where.values
    guids = Either((Compare(("id",), "eq", ID), Compare(("id",), "eq", ID[::-1])))
    assert "o.guid IN" in plan(crowd, guids).where.text.split("COALESCE")[0]
    mixed = Either((FEW, MANY))
    assert plan(crowd, mixed).source == "dir_object o"


def test_ids_are_looked_for_alone(crowd: Directory) -> None:
    for condition in (Compare(("id",), "eq", ID), Among(("id",), (ID, ID.upper()))):
        assert "o.guid" in plan(crowd, MANY, condition).where.text.split("COALESCE")[0]


def test_what_no_index_holds_is_looked_for_object_by_object(crowd: Directory) -> None:
    for condition in (
        Compare(("jobTitle",), "eq", "x"),
        Match(("displayName",), "endsWith", "x"),
        Compare(("employeeId",), "eq", None),
        Quantified(("otherMails",), True, Compare((), "eq", "x")),
    ):
        assert plan(crowd, condition).source == "dir_object o"


def test_numbers_are_counted_in_the_index_alone(crowd: Directory) -> None:
    with crowd.read() as work:
        for condition in (MANY, BEGINNING, Words(("displayName",), "ada")):
            assert "dir_object" not in plan_count(work, Query(USER, condition)).source
