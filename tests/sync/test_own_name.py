"""Flows to a name and to the attribute that it is made of: what contradicts is told, and is no drift for ever."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from muster.model.schema import ObjectSchema
from muster.model.values import Attribute, Document, items
from muster.project.configuration import Place
from muster.sync.provisioning.own_name import keep_to_name
from muster.sync.provisioning.wishes import Wish
from muster.sync.rules.compiling import _own_name

PLACE = Place("mappings/ldap.yaml", 7)


def mapping(*, many: bool, flows: dict[str, str]) -> Any:
    """A directory's mapping with flows to these attributes, by how they are enforced."""
    attributes = {"dn": Attribute("dn", exact=False), "cn": Attribute("cn", many=many, exact=False)}
    attributes["sn"] = Attribute("sn", many=many, exact=False)
    schema = ObjectSchema("user", "id", attributes, naming="dn", name_is_dn=True, aliases={"commonname": "cn"})
    outbound = [
        SimpleNamespace(
            flow=SimpleNamespace(attribute=name, enforce=rule, place=PLACE), attribute=attributes[name], edge=0
        )
        for name, rule in flows.items()
    ]
    return SimpleNamespace(schema=schema, outbound=outbound, own_name=_own_name(schema, outbound))  # type: ignore[arg-type]


BOTH = {"dn": "always", "cn": "always"}


def test_a_value_beside_the_names_own_is_written_and_the_other_told_and_no_drift() -> None:
    shown: Document = {"dn": "cn=Ann 1,ou=x", "cn": ["ann 1", "Ann", "Old"]}
    wish = Wish(remove={"cn": ["ann 1", "Old"]}, drift=["cn"], rule="cn", place=PLACE)
    keep_to_name(mapping(many=True, flows=BOTH), wish, shown)
    assert (wish.remove, wish.drift) == ({"cn": ["Old"]}, ["cn"])
    (note,) = wish.notes
    assert (note.kind, note.error, note.place) == ("name", False, PLACE)
    assert note.message.startswith("cn keeps 'Ann 1' beside what its flow gives ('Ann'): dn names the object cn=Ann 1,")

    wish = Wish(remove={"cn": ["ann 1"]}, drift=["cn"], rule="cn", place=PLACE)
    keep_to_name(mapping(many=True, flows=BOTH), wish, {"dn": "cn=Ann 1,ou=x", "cn": ["ann 1", "Ann"]})
    assert (wish.remove, wish.drift, wish.place) == ({}, [], None), "nothing is left to do"


@pytest.mark.parametrize("document", [None, {"dn": "cn=Ann,ou=x", "cn": "Ann"}, {"dn": "cn=Ann,ou=x", "cn": "Bo"}])
def test_an_attribute_of_one_value_stays_that_of_the_name_and_its_flow_is_an_error(document: Document | None) -> None:
    wish = Wish(values={"cn": "Bo", "sn": "Lee"}, rule="cn", place=PLACE)
    if document is None:
        wish.values["dn"] = "cn=Ann,ou=x"
    keep_to_name(mapping(many=False, flows={**BOTH, "sn": "always"}), wish, document)
    assert wish.values.get("cn", (document or {}).get("cn")) == "Ann"
    assert wish.values["sn"] == "Lee", "the rest is written"
    (note,) = wish.notes
    assert note.error
    assert note.message.startswith("cn is 'Ann', and not what its flow gives ('Bo'): dn names the object cn=Ann,ou=x")


def test_an_attribute_is_known_by_each_of_its_names() -> None:
    wish = Wish(remove={"cn": ["Ann"]})
    keep_to_name(mapping(many=True, flows=BOTH), wish, {"dn": "commonName=Ann,ou=x", "cn": ["Ann", "Bo"]})
    assert (wish.remove, len(wish.notes)) == ({}, 1)


def test_a_new_object_is_made_with_the_value_of_its_name_beside() -> None:
    wish = Wish(values={"dn": "cn=Ann 1,ou=x", "cn": ["Ann"]})
    keep_to_name(mapping(many=True, flows=BOTH), wish, None)
    assert wish.values["cn"] == ["Ann", "Ann 1"]
    assert not wish.notes[0].error


@pytest.mark.parametrize(
    ("wish", "flows"),
    [
        (Wish(values={"dn": "cn=Bo,ou=x"}, add={"cn": ["Bo"]}, remove={"cn": ["Ann"]}), BOTH),
        (Wish(values={"dn": r"CN=Bo\+Lee+uid=7,ou=x"}, add={"cn": ["bo+lee"]}, remove={"cn": ["Ann"]}), BOTH),
        (Wish(remove={"cn": ["Ann"]}, add={"cn": ["Bo"]}), {"cn": "always"}),
        (Wish(values={"dn": "cn=Bo,ou=x"}), {"dn": "always", "cn": "once"}),
        (Wish(values={"dn": "uid=7,ou=x"}, remove={"cn": ["Ann"]}), BOTH),
        (Wish(), BOTH),
    ],
    ids=["renamed", "escaped", "the attribute renames", "once", "another name", "nothing"],
)
def test_where_both_agree_nothing_is_told_or_left_out(wish: Wish, flows: dict[str, str]) -> None:
    before = (dict(wish.values), dict(wish.add), dict(wish.remove))
    keep_to_name(mapping(many=True, flows=flows), wish, {"dn": "cn=Ann,ou=x", "cn": items("Ann")})
    assert (wish.values, wish.add, wish.remove) == before
    assert wish.notes == []
