"""Distinguished names as text: one form for all that name the same entry."""

from __future__ import annotations

import pytest

from muster.model import dn


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("CN=Ann, OU=People,DC=x", "cn=ann,ou=people,dc=x"),
        (r"CN=O\, Ann,DC=x", r"cn=o\2C ann,dc=x"),
        (r"CN=ann\ ,DC=x", r"CN=ann\20,DC=x"),
        (r"CN=\ ann,DC=x", r"CN=\20ann,DC=x"),
        (r"CN=ann\\,DC=x", r"CN=ann\5C,DC=x"),
        (r"CN=\ ,DC=x", r"CN=\20,DC=x"),
        (r"CN=\ \ ,DC=x", r"CN=\20\20,DC=x"),
    ],
)
def test_names_of_one_entry_have_one_form(left: str, right: str) -> None:
    assert dn.normal(left) == dn.normal(right)
    assert dn.normal(dn.normal(left)) == dn.normal(left)


def test_a_blank_that_is_part_of_the_name_stays() -> None:
    assert dn.normal(r"CN=ann\ ,DC=x") != dn.normal("CN=ann,DC=x")
    assert dn.split(r"CN=ann\ ,OU=b\ , DC=x") == [r"CN=ann\ ", r"OU=b\ ", "DC=x"]


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("CN=Ann,OU=x", [("CN", "Ann")]),
        (r"cn=O\, Ann\+ +uid = 7,ou=x", [("cn", "O, Ann+"), ("uid", "7")]),
        (r"cn=a\\+uid=b,ou=x", [("cn", "a\\"), ("uid", "b")]),
        (r"cn=\C3\B8\ ,ou=x", [("cn", "ø ")]),
        ("nonsense", []),
        ("", []),
    ],
)
def test_what_a_name_is_made_of(name: str, own: list[tuple[str, str]]) -> None:
    assert dn.own_values(name) == own
