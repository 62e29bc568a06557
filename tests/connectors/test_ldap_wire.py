"""LDAP values, names, filters and controls, without a server."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from muster.connectors.ldap import accesslog, ber, changelog, controls, delta, requests, wire
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.session import Offers
from muster.connectors.ldap.settings import Delta, LdapObject, LdapSettings, Switch
from muster.connectors.ldap.wire import LdapType
from muster.model.changes import Action, Change
from muster.model.errors import WatermarkExpired
from muster.model.objects import EdgePage
from muster.model.schema import ObjectSchema
from muster.model.secrets import Secret
from muster.model.values import Attribute, Document, Type, WrongType

ATTRIBUTES = [
    Attribute("entryUUID", writable="never"),
    Attribute("uid", many=True, exact=False),
    Attribute("cn", many=True, exact=False),
    Attribute("displayName", exact=False),
    Attribute("photo", Type.BINARY),
    Attribute("created", Type.DATETIME),
    Attribute("number", Type.INTEGER),
    Attribute("locked", Type.BOOLEAN),
    Attribute("member", Type.REFERENCE, many=True, large=True),
]


def kind(switch: Switch | None = None, placeholder: str | None = None) -> LdapType:
    attributes = {one.name: one for one in [Attribute("dn"), *ATTRIBUTES]}
    return LdapType(
        name="user",
        schema=ObjectSchema("user", "entryUUID", attributes, assigned=True, can_enable=switch is not None, naming="dn"),
        classes=("top", "person"),
        base="ou=people,dc=x",
        filter="(objectClass=person)",
        rdn="uid",
        anchor="entryUUID",
        switch=switch,
        placeholder=placeholder,
        aliases={**{name.lower(): name for name in attributes if name != "dn"}, "userid": "uid"},
        comparable=frozenset({"displayName", "number"}),
    )


def change(values: dict[str, object], **more: object) -> Change:
    return Change(1, "user", Action.CREATE, None, values, **more)  # type: ignore[arg-type]


# --- values


@pytest.mark.parametrize(
    ("sent", "iso"),
    [
        ("20260131170000Z", "2026-01-31T17:00:00Z"),
        ("20260131170000.5Z", "2026-01-31T17:00:00.500000Z"),
        ("20260131170000,25Z", "2026-01-31T17:00:00.250000Z"),
        ("202601311700Z", "2026-01-31T17:00:00Z"),
        ("2026013117.5Z", "2026-01-31T17:30:00Z"),
        ("20260131170000+0130", "2026-01-31T15:30:00Z"),
        ("20260131170000-05", "2026-01-31T22:00:00Z"),
        ("20261231235960Z", "2026-12-31T23:59:59Z"),
    ],
)
def test_generalized_time(sent: str, iso: str) -> None:
    assert wire.instant_of(sent) == iso


@pytest.mark.parametrize("sent", ["", "2026", "20261331000000Z", "20260131170000X", "yesterday"])
def test_no_generalized_time(sent: str) -> None:
    with pytest.raises(WrongType):
        wire.instant_of(sent)


@given(st.datetimes())
def test_times_go_there_and_back(moment: object) -> None:
    text = f"{moment}".replace(" ", "T") + "Z"
    assert wire.instant_of(wire.generalized(text)) == text


@pytest.mark.parametrize(
    ("value", "type_", "octets"),
    [
        ("aGk=", Type.BINARY, b"hi"),
        (True, Type.BOOLEAN, b"TRUE"),
        (-7, Type.INTEGER, b"-7"),
        ("ø", Type.TEXT, "ø".encode()),
        ("2026-01-31T17:00:00Z", Type.DATETIME, b"20260131170000Z"),
    ],
)
def test_values_go_there_and_back(value: str | int | bool, type_: Type, octets: bytes) -> None:
    assert wire.encoded(value, type_) == octets
    assert wire.decoded(octets, type_) == value


@pytest.mark.parametrize(("octets", "type_"), [(b"\xff", Type.TEXT), (b"yes", Type.BOOLEAN), (b"x", Type.INTEGER)])
def test_what_a_server_should_not_send(octets: bytes, type_: Type) -> None:
    with pytest.raises(WrongType):
        wire.decoded(octets, type_)


LOCK = Switch(attribute="nsAccountLock", on=None, off="TRUE")
TIME = Switch(attribute="pwdAccountLockedTime", on=None, off="000001010000Z")
PLAIN = Switch(attribute="locked")


@pytest.mark.parametrize(
    ("switch", "sent", "on"),
    [
        (LOCK, [], True),
        (LOCK, [b"true"], False),
        (LOCK, [b"FALSE"], True),
        (TIME, [], True),
        (TIME, [b"20260131170000Z"], False),
        (PLAIN, [b"TRUE"], True),
        (PLAIN, [b"FALSE"], False),
        (PLAIN, [], None),
        (PLAIN, [b"perhaps"], None),
        (Switch(attribute="a", on="1", off=None), [], False),
        (Switch(attribute="a", on="1", off=None), [b"2"], True),
    ],
)
def test_switches(switch: Switch, sent: list[bytes], on: bool | None) -> None:
    assert wire.switched_on(sent, switch) is on


# --- names


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("uid=ann,ou=x", "UID=Ann, OU=X"),
        (r"cn=Lee\, Ann,ou=x", r"cn=lee\2C ann,ou=x"),
        ("cn=a  b,ou=x", "cn=A b,ou=x"),
        ("cn=a+uid=b,ou=x", "UID=b+CN=a,ou=x"),
        ('cn="a,b",ou=x', r"cn=a\,b,ou=x"),
    ],
)
def test_the_same_name(left: str, right: str) -> None:
    assert dns.same(left, right)


def test_other_names() -> None:
    assert not dns.same("uid=ann,ou=x", "uid=ann,ou=y")
    assert not dns.same("uid=ann,ou=x", "no name")
    assert dns.below("uid=a,ou=x,dc=y", "OU=X,dc=y")
    assert dns.below("ou=x,dc=y", "ou=x,dc=y")
    assert not dns.below("ou=xx,dc=y", "ou=x,dc=y")
    for wrong in ("no name", "uid=a,,dc=x", "=a,dc=x", r"uid=a\,dc=x,"):
        with pytest.raises(dns.MalformedDn):
            dns.key(wrong)


@given(st.text(min_size=1).filter(lambda text: "\x00" not in text))
@example("ann ")
@example(" ")
@example("  \\ ")
@example("\tann\n")
def test_a_name_with_any_text_in_it(text: str) -> None:
    dn = dns.child("cn", text, "ou=x,dc=y")
    own, parent = dns.split(dn)
    assert parent == "ou=x,dc=y"
    assert dns.rdn_values(dn) == [("cn", text)]
    assert dns.moved(f"uid=a,{dn}", dn, "cn=new,dc=y") == "uid=a,cn=new,dc=y"
    assert dns.key(dn)[1:] == ("ou=x", "dc=y")
    assert own.startswith("cn=")


def test_a_backslash_that_need_not_be_is_none() -> None:
    """Samba shows a question mark so."""
    shown = 'CN=a\\"/\\\\[]:\\3B|\\3D\\,\\+*\\?\\<\\>b,OU=why\\?,DC=x'
    assert dns.rdn_values(shown) == [("CN", 'a"/\\[]:;|=,+*?<>b')]
    assert dns.same(shown, dns.child("CN", 'a"/\\[]:;|=,+*?<>b', "OU=why?,DC=x"))


# --- entries


def test_an_entry_is_read_by_whatever_name_the_server_uses() -> None:
    reader = wire.Reader(kind(), ["dn", "uid", "photo", "displayName", "nothing"])
    assert reader.request == ["entryuuid", "uid", "photo", "displayname"]
    found, edges, problem = reader.read(
        "uid=a,dc=x", {"ENTRYUUID": [b"1"], "userid": [b"a", b"b"], "photo;binary": [b"hi"], "other": [b"x"]}
    )
    assert (edges, problem) == ([], None)
    assert found is not None
    assert found.values == {"dn": "uid=a,dc=x", "uid": ["a", "b"], "photo": "aGk="}


def test_what_cannot_be_read_is_a_problem() -> None:
    reader = wire.Reader(kind(), ["number"])
    _, _, hidden = reader.read("uid=a,dc=x", {"number": [b"1"]})
    _, _, wrong = reader.read("uid=a,dc=x", {"entryUUID": [b"1"], "number": [b"one"]})
    assert hidden is not None
    assert "may not be read" in hidden.message
    assert wrong is not None
    assert (wrong.anchor, wrong.where) == ("1", "uid=a,dc=x")


def test_members_come_in_pages_without_the_placeholder() -> None:
    reader = wire.Reader(kind(placeholder="cn=nobody"), ["member"])
    members = [f"uid={n},dc=x".encode() for n in range(wire.EDGES + 1)]
    _, edges, _ = reader.read("cn=g,dc=x", {"entryUUID": [b"1"], "member": [b"CN=Nobody", *members]})
    assert [(len(edge.values), edge.whole, edge.last) for edge in edges] == [(wire.EDGES, True, False), (1, True, True)]
    _, edges, _ = reader.read("cn=g,dc=x", {"entryUUID": [b"1"]})
    assert edges == [EdgePage("user", "1", "member", [], whole=True, last=True)]


def test_part_of_the_members_is_never_whole() -> None:
    reader = wire.Reader(kind(), ["member"])
    _, edges, _ = reader.read(
        "cn=g,dc=x", {"entryUUID": [b"1"], "member": [], "member;range=0-1": [b"uid=a", b"uid=b"]}
    )
    assert edges == [EdgePage("user", "1", "member", ["uid=a", "uid=b"], whole=False, last=True)]


# --- requests


def test_filters_are_escaped() -> None:
    user = kind(LOCK)
    assert requests.equality(user, "displayName", "a*(b)\\") == r"(displayName=a\2a\28b\29\5c)"
    assert requests.equality(user, "uid", ["a", "b"]) == "(&(uid=a)(uid=b))"
    assert requests.equality(user, "displayName", None) == "(!(displayName=*))"
    assert requests.equality(user, "photo", "aGk=") == r"(photo=\68\69)"
    assert requests.equality(user, "enabled", False) == "(nsAccountLock=TRUE)"
    assert requests.equality(user, "enabled", True) == "(!(nsAccountLock=TRUE))"
    with pytest.raises(WrongType, match="nonsense"):
        requests.equality(user, "nonsense", "x")


def test_only_what_a_server_can_compare_is_asserted() -> None:
    user = kind(LOCK)
    assert requests.assertion(user, {"displayName": "x", "number": None}) == "(&(displayName=x)(!(number=*)))"
    others: list[Document] = [{"photo": "aGk="}, {"uid": "a"}, {"cn": ["a"]}, {"dn": "uid=a"}, {"enabled": True}]
    assert [requests.assertion(user, expected) for expected in others] == [None] * len(others)


def test_a_new_entry_holds_its_name_and_its_classes() -> None:
    user = kind(LOCK, placeholder="cn=nobody")
    made = change({"uid": ["a", "b"], "displayName": "", "enabled": False, "cn": None}, add={"cn": ["x"]})
    dn = requests.new_dn(user, made)
    assert dn == "uid=a,ou=people,dc=x"
    assert dict(requests.additions(user, made, dn, {"member": ["uid=m"]})) == {
        "objectClass": [b"top", b"person"],
        "uid": [b"a", b"b"],
        "nsAccountLock": [b"TRUE"],
        "cn": [b"x"],
        "member": [b"uid=m", b"cn=nobody"],
    }
    assert dict(requests.additions(user, change({}), "uid=z,dc=x", {}))["uid"] == [b"z"]
    for wrong in ({}, {"dn": "nonsense"}, {"dn": ""}):
        with pytest.raises(WrongType):
            requests.new_dn(user, change(dict(wrong)))


@pytest.mark.parametrize(
    ("values", "there"),
    [
        ({"displayName": "x"}, None),
        ({"dn": "UID=A,dc=x"}, None),
        ({"dn": "uid=b,dc=x"}, "uid=b,dc=x"),
        ({"uid": ["A"]}, None),
        ({"uid": ["b,c"]}, r"uid=b\2cc,dc=x"),
        ({"userid": "b"}, "uid=b,dc=x"),
    ],
)
def test_where_an_update_moves_to(values: dict[str, object], there: str | None) -> None:
    found = requests.renamed_dn(kind(), change(values), "uid=a,dc=x")
    assert found == there or (found is not None and there is not None and dns.same(found, there))


@pytest.mark.parametrize(
    ("add", "remove", "there"),
    [
        ({"userid": ["b"]}, {"uid": ["A"]}, "uid=b,dc=x"),
        ({}, {"uid": ["a"]}, "uid=c,dc=x"),
        ({}, {"uid": ["a", "c"]}, None),
        ({"uid": ["b"]}, {"uid": ["c"]}, None),
    ],
)
def test_an_object_that_loses_the_value_of_its_name_is_named_by_another(
    add: dict[str, list[str]], remove: dict[str, list[str]], there: str | None
) -> None:
    made = change({}, add=add, remove=remove)
    found = requests.renamed_dn(kind(), made, "uid=a,dc=x")
    if found is None and requests.loses_name(kind(), made, "uid=a,dc=x"):
        found = requests.name_left(kind(), made, "uid=a,dc=x", [b"A", b"c"])
    assert found == there
    given = change({"dn": "uid=a,ou=new,dc=x"}, add=add, remove=remove)
    assert not requests.loses_name(kind(), given, "uid=a,dc=x"), "a new dn decides by itself"


def test_the_value_that_names_an_object_is_never_taken_from_it() -> None:
    """A server refuses that, and everything else in the same change with it (RFC 4511 section 4.6)."""
    remove = {"userid": ["A"], "cn": ["a", "b"]}
    assert requests.without_name(kind(), remove, "uid=a,cn=b,dc=x") == {"cn": ["a", "b"]}
    assert requests.without_name(kind(), remove, "cn=B+uid=c,dc=x") == {"userid": ["A"], "cn": ["a"]}


# --- BER and controls


@given(st.binary(max_size=70_000), st.integers(0, 255))
def test_ber_goes_there_and_back(content: bytes, tag: int) -> None:
    assert list(ber.elements(ber.encoded(tag, content) * 2)) == [(tag, content), (tag, content)]


@given(st.binary(max_size=40))
def test_ber_never_runs_past_its_end(data: bytes) -> None:
    try:
        for _, content in ber.elements(data):
            assert len(content) <= len(data)
    except ber.MalformedBer:
        pass


def test_sync_messages() -> None:
    uuid = bytes(range(16))
    text = "00010203-0405-0607-0809-0a0b0c0d0e0f"
    uuids = ber.encoded(0x31, ber.encoded(ber.OCTETS, uuid))
    deletes = ber.encoded(0xA3, ber.encoded(ber.OCTETS, b"cookie") + ber.encoded(ber.BOOLEAN, b"\xff") + uuids)
    assert controls.sync_info(deletes) == controls.SyncInfo(deleted=[text])
    assert controls.sync_info(ber.encoded(0xA3, uuids)) == controls.SyncInfo(present=True)
    assert controls.sync_info(ber.encoded(0xA2, b"")) == controls.SyncInfo(present=True)
    assert controls.sync_info(ber.encoded(0x80, b"cookie")) == controls.SyncInfo()
    done = controls.SyncDone()
    done.decodeControlValue(
        ber.encoded(ber.SEQUENCE, ber.encoded(ber.OCTETS, b"c") + ber.encoded(ber.BOOLEAN, b"\xff"))
    )
    assert (done.cookie, done.refresh_deletes) == ("c", True)


# --- logs of changes


def test_a_write_that_was_logged_late_is_new_and_those_before_the_mark_are_not() -> None:
    """It began before another that was done first: its reqStart is lower, and its CSN higher."""
    first = {"reqstart": "20260131170002.000000Z", "entrycsn": "20260131170002.000000Z#000000#001#000000"}
    late = {"reqstart": "20260131170001.000000Z", "entrycsn": "20260131170003.000000Z#000000#001#000000"}
    elsewhere = {"reqstart": "20260131170001.500000Z", "entrycsn": "20260131165900.000000Z#000000#002#000000"}
    mark = accesslog.mark_of([first], {})
    assert [accesslog.is_new(one, mark["csn"]) for one in (first, late, elsewhere)] == [False, True, True]
    after = accesslog.mark_of([first, late, elsewhere], mark["csn"])
    assert after["start"] == first["reqstart"]
    assert [accesslog.is_new(one, after["csn"]) for one in (first, late, elsewhere)] == [False] * 3


@pytest.mark.parametrize(("at", "good"), [(3, False), (4, True), (9, True), (10, False), (-5, False)])
def test_a_changelog_reaches_back_as_far_as_its_first_number(at: int, good: bool) -> None:
    offers = Offers(frozenset(), frozenset(), "389", "", (), "cn=changelog", 5, 9)
    with nullcontext() if good else pytest.raises(WatermarkExpired):
        changelog.reaches("directory", offers, at)


SYNC = frozenset({controls.SYNC_REQUEST})


@pytest.mark.parametrize(
    ("asked", "vendor", "offered", "log", "readable", "found"),
    [
        ("auto", "", SYNC, None, False, "syncrepl"),
        ("auto", "", frozenset[str](), None, False, "none"),
        ("auto", "389 Project", SYNC, "cn=changelog", True, "changelog"),
        ("auto", "389 Project", SYNC, "cn=changelog", False, "syncrepl"),
        ("auto", "389 Project", SYNC, None, False, "none"),
        ("accesslog", "", SYNC, None, False, "accesslog"),
        ("none", "", SYNC, None, False, "none"),
    ],
)
def test_how_changes_are_found_is_asked_for_or_what_the_server_offers(
    asked: str, vendor: str, offered: frozenset[str], log: str | None, readable: bool, found: str
) -> None:
    offers = Offers(offered, frozenset(), vendor, "", (), log)
    session: Any = SimpleNamespace(
        settings=SimpleNamespace(delta=Delta(asked)), offers=offers, exists=lambda dn: dn == log and readable
    )
    assert delta.way(session) == found


def test_a_base_lies_in_one_naming_context() -> None:
    offers = Offers(frozenset(), frozenset(), "", "", ("dc=x", "ou=a,dc=x", "cn=log"))
    assert offers.context_of("ou=people,OU=A,dc=x") == "ou=a,dc=x"
    assert offers.context_of("ou=b,dc=x") == "dc=x"
    assert offers.context_of("dc=y") is None


# --- settings


def test_settings_that_do_not_go_together_are_refused() -> None:
    good = {"url": "ldap://x", "base": "dc=x", "bind_dn": "cn=a", "password": Secret("p")}
    assert LdapSettings.model_validate(good).page_size == 1_000
    for wrong in (
        {"url": "http://x"},
        {"password": None},
        {"url": "ldaps://x", "start_tls": True},
        {"page_size": 0},
        {"unknown": 1},
    ):
        with pytest.raises(ValueError, match="validation error"):
            LdapSettings.model_validate({**good, **wrong})


def test_enabled_is_a_name_or_three_words() -> None:
    assert LdapObject.model_validate({"class": "x", "enabled": "NSAccountLock"}).enabled == LOCK
    assert LdapObject.model_validate({"class": "x", "enabled": "pwdAccountLockedTime"}).enabled == TIME
    assert LdapObject.model_validate({"class": "x", "enabled": "locked"}).enabled == PLAIN
    for wrong in ({"enabled": {"attribute": "a", "on": "x", "off": "x"}}, {"filter": "a=b"}):
        with pytest.raises(ValueError, match="validation error"):
            LdapObject.model_validate({"class": "x", **wrong})
