"""The grammar of filters, what is asked of the system itself, and the limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from muster.server.scim.errors import ScimError
from muster.server.scim.filters import DEEPEST, LONGEST, MOST, parsed
from tests.server.scim.inside import ENTERPRISE, Inside, refused


@pytest.fixture(scope="module")
def people() -> Iterator[Inside]:
    with Inside() as service:
        service.user(
            "ada",
            name={"givenName": "Ada", "familyName": "Lovelace"},
            title="Countess",
            emails=[{"type": "work", "value": "Ada@Acme.example"}, {"type": "home", "value": "ada@home.example"}],
            roles=[{"value": "engine"}, {"value": "poet"}],
            **{ENTERPRISE: {"department": "R&D"}, "urn:acme:User": {"number": 7, "hired": "2026-01-31T17:00:00+01:00"}},
        )
        service.user(
            "grace",
            name={"familyName": "Hopper"},
            title="countess",
            active=False,
            emails=[{"type": "home", "value": "grace@home.example"}],
            **{"urn:acme:User": {"number": 10, "flag": True, "hired": "2026-03-01T00:00:00Z"}},
        )
        service.user("Tim", displayName='Says "hi"\\')
        yield service


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('userName eq "ADA"', ["ada"]),
        ('USERNAME EQ "tim"', ["Tim"]),
        ('title eq "countess"', ["grace"]),
        ('title ne "countess"', ["Tim", "ada"]),
        ('userName co "a"', ["ada", "grace"]),
        ('userName sw "T"', ["Tim"]),
        ('userName ew "E"', ["grace"]),
        ("title pr", ["ada", "grace"]),
        ("not (title pr)", ["Tim"]),
        ("active eq true", ["Tim", "ada"]),
        ('active eq "False"', ["grace"]),
        ("emails pr", ["ada", "grace"]),
        ('emails co "home"', ["ada", "grace"]),
        ('emails eq "ada@acme.example"', ["ada"]),
        ('emails.value ew "@home.example"', ["ada", "grace"]),
        ('emails.type eq "work"', ["ada"]),
        ('emails[type eq "work" and value co "@acme"]', ["ada"]),
        ('emails[type eq "home" and value co "@acme"]', []),
        ('emails[type eq "work"].value eq "ada@acme.example"', ["ada"]),
        ('roles eq "poet"', ["ada"]),
        ('roles[value sw "eng"]', ["ada"]),
        ('name.familyName gt "I"', ["ada"]),
        ('name.familyName le "Hopper"', ["grace"]),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada"', ["ada"]),
        (f'{ENTERPRISE}:department eq "R&D"', ["ada"]),
        ("urn:acme:User:number ge 7", ["ada", "grace"]),
        ("urn:acme:User:number lt 10", ["ada"]),
        ("urn:acme:User:flag eq true", ["grace"]),
        ('urn:acme:User:hired eq "2026-01-31T16:00:00Z"', ["ada"]),
        ('urn:acme:User:hired gt "2026-02-01T00:00:00Z"', ["grace"]),
        ('displayName eq "Says \\"hi\\"\\\\"', ["Tim"]),
        ('title pr and userName eq "ada" or userName eq "tim"', ["Tim", "ada"]),
        ('title pr and (userName eq "ada" or userName eq "tim")', ["ada"]),
        ('not (userName eq "ada") and not (userName eq "tim")', ["grace"]),
        ("title eq null", ["Tim"]),
        ("title ne null", ["ada", "grace"]),
        ('meta.resourceType eq "User"', ["Tim", "ada", "grace"]),
        ('nickName eq "nobody knows"', []),
        ('userName eq "nobody"', []),
    ],
)
def test_a_filter_finds_whom_it_means(people: Inside, text: str, names: list[str]) -> None:
    assert people.names(text) == names


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ('userName eq "ada"', "find user login"),
        ('userName eq "ada" and title pr', "find user login"),
        ('userName eq "ada" and externalId eq "7"', "find user login,external"),
        ('emails[type eq "work" and value eq "ada@acme.example"]', "find user mail"),
        ('roles eq "poet"', "find user roles"),
        ("active eq true", "find user enabled"),
        (f'{ENTERPRISE}:department eq "R&D"', "find user department"),
    ],
)
def test_what_the_system_can_find_itself_it_is_asked_for(people: Inside, text: str, asked: str) -> None:
    people.asked.clear()
    people.names(text)
    assert people.asked[asked] == 1
    assert not any(one.startswith("read") for one in people.asked)


@pytest.mark.parametrize("attribute", ["userName", "id"])
def test_several_values_of_one_attribute_are_one_question(people: Inside, attribute: str) -> None:
    wanted = [one[attribute] for one in people.get("Users")["Resources"]][:2]
    people.asked.clear()
    assert len(people.names(" or ".join(f'{attribute} eq "{one}"' for one in wanted))) == 2
    assert not any(one.startswith("read") for one in people.asked)


def test_what_it_cannot_is_read_and_tried(people: Inside) -> None:
    people.asked.clear()
    people.names('userName eq "ada" or title pr')
    assert people.asked["read user"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "userName",
        "userName eq",
        "userName eq ada",
        'userName like "a"',
        '(userName eq "a"',
        'emails[type eq "work"',
        " and ",
        'userName eq "a" and',
        "userName co 5",
        "active gt true",
        'userName eq "a\x00"',
    ],
)
def test_what_is_no_filter_is_told(people: Inside, text: str) -> None:
    refused(people.ask("GET", "Users", filter=text), 400, "invalidFilter")


def test_filters_have_limits() -> None:
    with pytest.raises(ScimError, match=f"longer than {LONGEST}"):
        parsed(f'userName eq "{"a" * LONGEST}"')
    with pytest.raises(ScimError, match=f"{MOST} are allowed"):
        parsed(" or ".join(f'userName eq "{one}"' for one in range(MOST + 1)))
    with pytest.raises(ScimError, match=f"deeper than {DEEPEST}"):
        parsed("(" * (DEEPEST + 1) + "title pr" + ")" * (DEEPEST + 1))
    with pytest.raises(ScimError, match="nested deeper"):
        parsed("not (" * 200 + "title pr" + ")" * 200)
    parsed(f'title eq "{"(" * 500}"')
