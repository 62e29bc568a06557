"""The pure parts of the Active Directory connector: no server."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ldap
import pytest
from pydantic import ValidationError

from muster.connectors.active_directory import errors, ranges
from muster.connectors.active_directory.dirsync import Answer, DirSync
from muster.connectors.active_directory.following import _attributes_in
from muster.connectors.active_directory.forms import (
    FileTime,
    Guid,
    Sid,
    guid_text,
    sid_octets,
    sid_text,
    time_text,
    time_ticks,
)
from muster.connectors.active_directory.rights import CONTROL_ACCESS, READ_PROPERTY, RESET_PASSWORD, granted
from muster.connectors.active_directory.settings import ActiveDirectorySettings, AdObject, Login
from muster.connectors.active_directory.views import VIEWS, signed, unsigned
from muster.connectors.ldap.wire import Entry
from muster.model.changes import Result
from muster.model.errors import AuthFailed, Unreachable
from muster.model.secrets import Secret
from muster.model.values import WrongType

# --- forms


def test_a_guid_is_written_as_active_directory_shows_it() -> None:
    octets = bytes.fromhex("e004253f894fd3419a0c0305e82c3301")
    assert guid_text(octets) == "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    assert Guid().stored("3F2504E0-4F89-41D3-9A0C-0305E82C3301") == octets
    assert Guid().stored("{3f2504e0-4f89-41d3-9a0c-0305e82c3301}") == octets
    with pytest.raises(WrongType, match="expected a GUID"):
        Guid().stored("ann")
    with pytest.raises(WrongType, match="16 bytes"):
        guid_text(b"short")


def test_a_sid_is_written_as_text() -> None:
    text = "S-1-5-21-3623811015-3361044348-30300820-1013"
    assert sid_text(sid_octets(text)) == text
    assert Sid().shown(bytes.fromhex("01020000000000052000000020020000")) == "S-1-5-32-544"
    for wrong in ("S", "S-1", "S-1-5-4294967296", "T-1-5-32", ""):
        with pytest.raises(WrongType, match="expected a SID"):
            sid_octets(wrong)
    with pytest.raises(WrongType):
        sid_text(b"\x01\x05short")


@pytest.mark.parametrize("never", [0, 0x7FFF_FFFF_FFFF_FFFF, -1, 0x7FFF_0000_0000_0000])
def test_a_time_that_never_comes_is_none(never: int) -> None:
    assert time_text(never) is None


def test_times_count_from_1601() -> None:
    assert time_text(133_801_308_000_000_000) == "2024-12-31T15:00:00Z"
    assert time_ticks("2024-12-31T16:00:00+01:00") == 133_801_308_000_000_000
    assert FileTime().shown(b"133801308001234560") == "2024-12-31T15:00:00.123456Z"
    with pytest.raises(WrongType, match="after 1601"):
        time_ticks("1600-01-01T00:00:00Z")
    with pytest.raises(WrongType):
        FileTime().shown(b"soon")


# --- views


def test_views_change_their_bit_and_no_other() -> None:
    everything = 0xFFFF_FFFF
    for view in VIEWS:
        if view.swapped and view.attribute.type == "boolean":
            for number in (0, 0x200, everything):
                on, off = view.put(number, True), view.put(number, False)
                assert (view.shows(on), view.shows(off)) == (True, False)
                assert bin(on ^ off).count("1") == 1, f"{view.name} touches more than one bit"
                assert number in (on, off)


def test_group_types_are_signed_numbers() -> None:
    assert unsigned(b"-2147483646") == 0x8000_0002
    assert signed(0x8000_0002, "groupType") == b"-2147483646"
    assert signed(0x200, "userAccountControl") == b"512"


# --- ranges


class Ranged:
    """A group that shows at most `limit` values at once, as Windows does."""

    def __init__(self, values: list[bytes], limit: int) -> None:
        self.values = values
        self.limit = limit

    def search(self, base: str, scope: int, filter: str, attributes: Sequence[str]) -> list[tuple[str, Entry]]:
        first, _, last = attributes[0].partition("=")[2].partition("-")
        begin = int(first)
        end = min(len(self.values) if last == "*" else int(last) + 1, begin + self.limit)
        shown = f"{end - 1}" if end < len(self.values) else "*"
        return [("CN=g", {f"member;range={begin}-{shown}": self.values[begin:end], "uSNChanged": [b"7"]})]

    def entry(self) -> Entry:
        """What a search that is not about this group alone shows: the first values, and an empty attribute."""
        (_, found), *_ = self.search("", 0, "", ["member;range=0-*"])
        return {"member": [], **found} if "member;range=0-*" not in found else found


@pytest.mark.parametrize("count", [0, 1, 1_499, 1_500, 1_501, 2_999, 3_000, 4_497, 10_000])
def test_all_ranges_of_a_group_are_read(count: int) -> None:
    group = Ranged([b"CN=%d" % number for number in range(count)], 1_500)
    parts = list(ranges.parts(group, "CN=g", "member", group.entry(), None))
    assert [value for part in parts for value in part.values] == group.values
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].proven
    assert ranges.whole(group, "CN=g", "member", group.entry(), None) == group.values


def test_what_is_cut_short_is_noticed() -> None:
    assert ranges.cut_short({"memberOf;range=0-1499": [], "cn": [], "member;range=0-*": []}) == {"memberof": "memberOf"}


# --- rights


def descriptor(*entries: bytes) -> bytes:
    size = 8 + sum(map(len, entries))
    acl = struct.pack("<BBHHH", 4, 0, size, len(entries), 0) + b"".join(entries)
    return struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20) + acl


def ace(kind: int, mask: int, sid: bytes, about: bytes = b"", flags: int = 0) -> bytes:
    body = struct.pack("<I", mask) + (struct.pack("<I", 1 if about else 0) + about if kind in (5, 6) else b"") + sid
    return struct.pack("<BBH", kind, flags, 4 + len(body)) + body


ANN, BERT = sid_octets("S-1-5-21-1-2-3-1001"), sid_octets("S-1-5-21-1-2-3-1002")
OTHER = b"x" * 16


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], False),
        ([ace(0, CONTROL_ACCESS, ANN)], True),
        ([ace(0, CONTROL_ACCESS, BERT)], False),
        ([ace(0, 0x1000_0000, ANN)], True),
        ([ace(0, READ_PROPERTY, ANN)], False),
        ([ace(5, CONTROL_ACCESS, ANN, RESET_PASSWORD)], True),
        ([ace(5, CONTROL_ACCESS, ANN)], True),
        ([ace(5, CONTROL_ACCESS, ANN, OTHER)], False),
        ([ace(6, CONTROL_ACCESS, ANN, RESET_PASSWORD), ace(0, CONTROL_ACCESS, ANN)], False),
        ([ace(1, CONTROL_ACCESS, BERT), ace(0, CONTROL_ACCESS, ANN)], True),
        ([ace(0, CONTROL_ACCESS, ANN, flags=0x08)], False),
    ],
)
def test_an_access_list_is_read_in_its_order(entries: list[bytes], expected: bool) -> None:
    assert granted(descriptor(*entries), {ANN}, CONTROL_ACCESS, (RESET_PASSWORD,)) is expected


def test_what_cannot_be_read_grants_nothing_and_no_list_grants_everything() -> None:
    assert not granted(b"", {ANN}, CONTROL_ACCESS)
    assert not granted(descriptor(ace(0, CONTROL_ACCESS, ANN))[:-4], {ANN}, CONTROL_ACCESS)
    assert granted(struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0), {ANN}, CONTROL_ACCESS)


# --- DirSync


def test_the_dirsync_control_is_encoded_as_the_specification_says() -> None:
    sent = DirSync(None, "DC=x", rights=False)._request(b"\x01\x02")  # type: ignore[arg-type]
    assert sent.criticality
    assert sent.encodeControlValue() == bytes.fromhex("300f 0204 80000001 0203 100000 0402 0102".replace(" ", ""))
    answer = Answer()
    answer.decodeControlValue(bytes.fromhex("30090201010201000401ff"))
    assert (answer.more, answer.cookie) == (True, b"\xff")


def test_the_attributes_of_a_filter_are_found() -> None:
    asked = "(&(employeeType=staff)(!(userAccountControl:1.2.840.113556.1.4.803:=2))(whenCreated>=2)(|(sn=a*)( cn =x)))"
    assert _attributes_in(asked) == {"employeetype", "useraccountcontrol", "whencreated", "sn", "cn"}


# --- errors


def refusal(kind: type[ldap.LDAPError], info: str) -> ldap.LDAPError:
    return kind({"desc": kind.__name__, "info": info})


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("52e", "is wrong"),
        ("532", "has expired"),
        ("533", "is disabled"),
        ("775", "locked out"),
        ("530", "at this hour"),
    ],
)
def test_a_refused_login_is_told_in_words(data: str, told: str) -> None:
    info = f"80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1"
    error = errors.logging_in("ad", "ldaps://dc", "ann", refusal(ldap.INVALID_CREDENTIALS, info))
    assert isinstance(error, AuthFailed)
    assert told in error.message


def test_a_controller_that_is_gone_is_no_refused_login() -> None:
    down = refusal(ldap.SERVER_DOWN, "")
    assert isinstance(errors.logging_in("ad", "ldaps://dc", "ann", down), Unreachable)
    assert isinstance(errors.kerberos("ad", "ldap://dc", down), Unreachable)


@pytest.mark.parametrize(
    ("kind", "info", "result", "told"),
    [
        (ldap.CONSTRAINT_VIOLATION, "0000052D: AtrErr: DSID-03191083", Result.REJECTED, "the domain's policy"),
        (ldap.CONSTRAINT_VIOLATION, "000021C8: AtrErr: DSID-03200BBA", Result.REJECTED, "has this userPrincipalName"),
        (ldap.ALREADY_EXISTS, "00000524: UpdErr: DSID-031A11FA", Result.REJECTED, "sAMAccountName is taken"),
        (ldap.UNWILLING_TO_PERFORM, "0000001F: SvcErr: DSID-031A12D2", Result.REJECTED, "encrypted connection"),
        (ldap.INSUFFICIENT_ACCESS, "00002098: SecErr: DSID-03150F94", Result.REJECTED, "Grant this login the right"),
        (ldap.REFERRAL, "0000202B: RefErr: DSID-03100781", Result.REJECTED, "in another domain"),
        (ldap.OTHER, "00000057: LdapErr", Result.REJECTED, "not possible there"),
        (ldap.BUSY, "", Result.RETRY, "busy"),
        (ldap.NO_SUCH_OBJECT, "0000208D: NameErr: DSID-03100241", Result.GONE, ""),
    ],
)
def test_a_refused_write_is_told_in_words(kind: type[ldap.LDAPError], info: str, result: Result, told: str) -> None:
    error = refusal(kind, info)
    assert errors.result_of(error) is result
    assert told in errors.refusal(error, "CN=ann")


# --- settings

GOOD: dict[str, Any] = {"urls": ["ldaps://dc1"], "user": "muster@corp.example", "password": Secret("x")}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"urls": []}, "either urls"),
        ({"domains": {"corp.example": {"urls": ["ldaps://dc1"]}}}, "either urls"),
        ({"urls": [], "domains": {"corp.example": {}}}, "domains.corp.example: urls: name at least one"),
        ({"urls": ["http://dc1"]}, "expected ldaps"),
        ({"urls": ["ldap://dc1"]}, "needs an encrypted connection"),
        ({"start_tls": True}, "encrypted from the start"),
        ({"password": None}, "needs both"),
        ({"user": None, "login": "ntlm"}, "needs both"),
        ({"login": "kerberos"}, "no password"),
        ({"base": "corp"}, "not a distinguished name"),
    ],
)
def test_settings_that_do_not_fit_together_are_told(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ActiveDirectorySettings(**{**GOOD, **changed})


def test_domains_take_over_what_they_do_not_say() -> None:
    settings = ActiveDirectorySettings(
        domains={
            "corp.example": {"urls": ["ldaps://dc1", "ldaps://dc2"]},
            "eu.corp.example": {"urls": ["ldaps://dc3"], "user": "eu@corp.example", "base": "OU=eu,DC=eu"},
        },
        ca="corp.pem",
        user="muster@corp.example",
        password=Secret("x"),
        login=Login.NTLM,
    )
    corp, eu = settings.each().values()
    assert (corp.urls, corp.user, corp.ca, corp.login, corp.base) == (
        *(("ldaps://dc1", "ldaps://dc2"), "muster@corp.example", Path("corp.pem"), Login.NTLM, None),
    )
    assert (eu.urls, eu.user, eu.login, eu.base) == (("ldaps://dc3",), "eu@corp.example", Login.NTLM, "OU=eu,DC=eu")


def test_a_domain_that_logs_in_by_kerberos_needs_no_password_though_the_others_have_one() -> None:
    sealed = {"urls": ["ldap://dc3"], "login": "kerberos", "keytab": "eu.keytab"}
    one = ActiveDirectorySettings(
        domains={"eu.corp.example": sealed}, user="muster@corp.example", password=Secret("x")
    ).each()["eu.corp.example"]
    assert (one.login, one.password, one.keytab) == (Login.KERBEROS, None, Path("eu.keytab"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"class": "user", "base": ["OU=a,DC=x", "OU=b,OU=a,DC=x"]}, "overlap"),
        ({"class": "user", "base": "people"}, "not a distinguished name"),
        ({"class": "user", "filter": "employeeType=staff"}, "in parentheses"),
        ({}, "class"),
    ],
)
def test_object_settings_that_mean_nothing_are_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AdObject.model_validate(given)
