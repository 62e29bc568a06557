"""The Active Directory connector on a Samba domain: what it shows of objects and of groups."""

from __future__ import annotations

from typing import Any

import ldap
import pytest

from muster.connectors.active_directory import ranges
from muster.model.errors import IncompleteRead, ProjectError
from muster.model.schema import ENABLED
from muster.model.values import Type
from tests.connectors.domains import GROUP, PASSWORD, Ou, by_dn, edges, objects, pages


def everything(ou: Ou, kind: str, types: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    made = ou.connector(types or {kind: {"class": kind}}, **changed)
    with made:
        schema = made.schema().types[kind]
        found = list(made.read({kind: [*schema.attributes, ENABLED]}, None))
    return {dn: item.values for dn, item in by_dn(found).items()}


# --- objects


def test_the_schema_is_the_domains_own(ou: Ou) -> None:
    classes = {"user": "user", "group": "group", "ou": "organizationalUnit"}
    with ou.connector({name: {"class": one} for name, one in classes.items()}) as made:
        types = made.schema().types
    user, group = types["user"], types["group"]
    assert (user.anchor, user.assigned, user.naming, user.name_is_dn, user.can_enable) == (
        *("objectGUID", True, "dn", True, True),
    )
    assert user.keeps_references
    assert user.attributes["proxyAddresses"].many
    assert user.attributes["proxyAddresses"].exact
    assert not user.attributes["mail"].exact
    assert user.attributes["manager"].type is Type.REFERENCE
    assert user.attributes["thumbnailPhoto"].type is Type.BINARY
    assert user.attributes["accountExpires"].type is Type.DATETIME
    assert user.attributes["whenCreated"].writable == "never"
    assert user.attributes["memberOf"].writable == "never"
    assert user.attributes["lastLogonTimestamp"].writable == "never"
    assert user.attributes["uSNChanged"].type is Type.INTEGER
    assert user.attributes["smartcardRequired"].type is Type.BOOLEAN
    assert group.attributes["member"].large
    assert {"groupScope", "securityEnabled"} <= group.attributes.keys()
    assert not group.can_enable
    assert not types["ou"].can_enable
    assert not {"unicodePwd", "supplementalCredentials", "userPassword"} & user.attributes.keys()


def test_every_name_that_the_domain_takes_is_known_and_no_other(ou: Ou) -> None:
    with ou.connector({"user": {"class": "user"}}) as made:
        user = made.schema().types["user"]
    known = ("employeeID", "EMPLOYEEID", "mustChangePassword", "uidNumber", "dn", ENABLED)
    assert [name for name in known if not user.has(name)] == []
    assert not any(user.has(name) for name in ("shoeSize", "sn;lang-de", "member"))
    assert user.attribute("PROXYADDRESSES").many
    assert {"objectclass", "unicodepwd", "userpassword"} == user.apart.keys()


def test_guid_and_sid_are_shown_as_the_domains_own_tools_show_them(ou: Ou) -> None:
    dn = ou.user("ann")
    shown = everything(ou, "user")[dn]
    told = ou.server.tool("user", "show", f"{ou.name}ann", "--attributes=objectGUID,objectSid")
    assert f"objectGUID: {shown['objectGUID']}" in told
    assert f"objectSid: {shown['objectSid']}" in told


def test_users_are_people_and_no_computers(ou: Ou) -> None:
    ann, bert, pc = ou.user("ann"), ou.contact("bert"), f"CN=PC7,{ou.dn}"
    account = [("sAMAccountName", [f"{ou.name}PC7$".encode()]), ("userAccountControl", [b"4096"])]
    ou.admin.add_s(pc, [("objectClass", [b"computer"]), *account])
    group, room = ou.group("team"), ou.make_ou(f"OU=rooms,{ou.dn}")
    found = {kind: set(everything(ou, kind)) for kind in ("user", "contact", "computer", "group", "organizationalUnit")}
    assert found == {
        "user": {ann},
        "contact": {bert},
        "computer": {pc},
        "group": {group},
        "organizationalUnit": {ou.dn, room},
    }


def test_numbers_and_bits_are_shown_as_people_think_of_them(ou: Ou) -> None:
    ou.login("ann")
    dn = f"CN=ann,{ou.dn}"
    shown = everything(ou, "user")[dn]
    assert shown["enabled"] is True
    assert shown["pwdLastSet"].startswith("20")
    assert "accountExpires" not in shown, "the time that never comes is no time"
    assert "lockoutTime" not in shown
    assert (shown["lockedOut"], shown["mustChangePassword"]) == (False, False)
    assert (shown["passwordNeverExpires"], shown["smartcardRequired"]) == (False, False)
    ou.set(dn, userAccountControl=str(0x200 | 0x2 | 0x10000 | 0x40000))
    ou.set(dn, accountExpires="133801308000000000", pwdLastSet="0")
    shown = everything(ou, "user")[dn]
    assert shown["enabled"] is False
    assert (shown["passwordNeverExpires"], shown["smartcardRequired"]) == (True, True)
    assert shown["accountExpires"] == "2024-12-31T15:00:00Z"
    assert "pwdLastSet" not in shown
    assert shown["mustChangePassword"] is True


def test_who_tried_wrong_passwords_is_locked_out(ou: Ou) -> None:
    principal = ou.login("ann")
    ou.server.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=3")
    try:
        for _ in range(4):
            other = ldap.initialize(ou.server.url)
            other.set_option(ldap.OPT_X_TLS_CACERTFILE, str(ou.server.certificate))
            other.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
            with pytest.raises(ldap.INVALID_CREDENTIALS):
                other.simple_bind_s(principal, "wrong")
        shown = everything(ou, "user")[f"CN=ann,{ou.dn}"]
        assert shown["lockedOut"] is True
        assert shown["lockoutTime"].startswith("20")
        with ou.connector() as made:
            assert [one.values["cn"] for one in made.find("user", {"lockedOut": True})] == ["ann"]
    finally:
        ou.server.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=0")


@pytest.mark.parametrize(
    ("kind", "scope", "security"),
    [
        ("-2147483646", "global", True),
        ("-2147483644", "domainLocal", True),
        ("-2147483640", "universal", True),
        ("2", "global", False),
        ("8", "universal", False),
    ],
)
def test_groups_show_scope_and_security(ou: Ou, kind: str, scope: str, security: bool) -> None:
    dn = f"CN=g,{ou.dn}"
    ou.admin.add_s(dn, [("objectClass", [b"group"]), ("groupType", [kind.encode()])])
    shown = everything(ou, "group")[dn]
    assert (shown["groupScope"], shown["securityEnabled"]) == (scope, security)
    with ou.connector(GROUP) as made:
        alike = made.find("group", {"groupScope": scope, "securityEnabled": security})
        assert [one.values["dn"] for one in alike] == [dn]
        assert not list(made.find("group", {"securityEnabled": not security}))


def test_base_and_filter_narrow_a_type(ou: Ou) -> None:
    north, south = ou.make_ou(f"OU=north,{ou.dn}"), ou.make_ou(f"OU=south,{ou.dn}")
    ann, bert = ou.user("ann", north, employeeType="staff"), ou.user("bert", south, employeeType="staff")
    ou.user("cleo", south, employeeType="guest")
    ou.user("dora", employeeType="staff")
    staff = {"class": "user", "base": [north, south], "filter": "(employeeType=staff)"}
    found = pages(ou.connector({"user": staff}))
    assert set(by_dn(found)) == {ann, bert}
    assert found[-1].complete_for == {("user", north), ("user", south)}
    assert {item.partition for item in objects(found).values()} == {north, south}
    with ou.connector({"user": staff}) as made:
        assert [one.values["cn"] for one in made.find("user", {"sAMAccountName": f"{ou.name}ann"})] == ["ann"]
        assert not list(made.find("user", {"sAMAccountName": f"{ou.name}cleo"}))
        assert not list(made.find("user", {"sAMAccountName": f"{ou.name}dora"}))
        assert [one.values["cn"] for one in made.find("user", {"dn": bert})] == ["bert"]
        assert not list(made.find("user", {"dn": f"CN=dora,{ou.dn}"}))


def test_objects_are_found_by_what_people_think_of(ou: Ou) -> None:
    ou.login("ann", proxyAddresses="SMTP:ann@corp.example")
    ou.user("bert", accountExpires="133801308000000000")
    with ou.connector() as made:

        def names(**equal: Any) -> list[Any]:
            return sorted(str(one.values["cn"]) for one in made.find("user", equal))

        assert names(enabled=True) == ["ann"]
        assert names(enabled=False) == ["bert"]
        assert names(smartcardRequired=False) == ["ann", "bert"]
        assert names(accountExpires=None) == ["ann"]
        assert names(accountExpires="2024-12-31T15:00:00Z") == ["bert"]
        assert names(mustChangePassword=True) == ["bert"], "an account without a password"
        assert names(proxyAddresses="smtp:ANN@corp.example") == ["ann"], "the domain's own rule of equality"
        sid = next(made.find("user", {"cn": "ann"})).values["objectSid"]
        assert names(objectSid=sid) == ["ann"]
        assert names(objectSid="S-nonsense") == []
        assert names(enabled="perhaps") == []
        assert made.get("user", "no guid") is None


def test_a_name_with_every_reserved_character_is_read_and_found(ou: Ou) -> None:
    name = 'a,b+c"d\\e<f>g;h=i#j /k'
    dn = ou.user("x")
    ou.admin.rename_s(dn, f"CN={ldap.dn.escape_dn_chars(name)}")
    with ou.connector() as made:
        found = by_dn(list(made.read({"user": ["cn"]}, None)))
        (shown,) = found.values()
        assert shown.values["cn"] == name
        assert [one.anchor for one in made.find("user", {"dn": shown.values["dn"]})] == [shown.anchor]
        assert [one.anchor for one in made.find("user", {"cn": name})] == [shown.anchor]


def test_what_the_system_file_names_and_the_domain_does_not_have_is_told(ou: Ou) -> None:
    with ou.connector({"user": {"class": "usr"}}) as made, pytest.raises(ProjectError, match="no class 'usr'"):
        made.schema()
    elsewhere = ou.connector({"user": {"class": "user", "base": "DC=elsewhere"}})
    with pytest.raises(ProjectError, match="none of its domains"), elsewhere:
        pass
    gone = f"OU=gone,{ou.dn}"
    with pytest.raises(IncompleteRead, match=f"no '{gone}'"):
        pages(ou.connector({"user": {"class": "user", "base": gone}}))


# --- groups


@pytest.fixture
def big(ou: Ou, samba_contacts: list[str]) -> str:
    """A group of 1,700 members: more than Windows shows at once."""
    dn = ou.group("big")
    ou.admin.modify_s(dn, [(ldap.MOD_ADD, "member", [name.encode() for name in samba_contacts[:1_700]])])
    return dn


@pytest.mark.parametrize("size", [None, 1_500, 1])
def test_a_big_group_is_read_range_by_range(ou: Ou, big: str, samba_contacts: list[str], size: int | None) -> None:
    if size == 1:
        ou.admin.modify_s(big, [(ldap.MOD_REPLACE, "member", [name.encode() for name in samba_contacts[:7]])])
    expected = samba_contacts[: 7 if size == 1 else 1_700]
    found = pages(ou.connector(GROUP, range_size=size), None, group=["cn", "member"])
    (group,) = objects(found).values()
    assert "member" not in group.values
    parts = edges(found, group.anchor)
    assert all(part.whole for part in parts)
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert sorted(value for part in parts for value in part.values) == sorted(expected)


class _Meddles:
    """A connection on which something happens before the second range is asked for."""

    def __init__(self, inner: Any, meddle: Any) -> None:
        self._inner = inner
        self._meddle = meddle
        self._done = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def search_ext_s(self, base: str, scope: int, filter: str, names: list[str], **more: Any) -> Any:
        if not self._done and any(";range=" in name for name in names):
            self._done = True
            self._meddle()
        return self._inner.search_ext_s(base, scope, filter, names, **more)


@pytest.mark.parametrize("what", ["a member leaves", "a member is deleted"])
def test_a_group_that_changes_while_it_is_read_is_not_whole(ou: Ou, what: str) -> None:
    names = sorted(ou.contact(f"c{number}") for number in range(40))
    dn = ou.group("busy", names)

    def meddle() -> None:
        shown = ou.entry(dn, "member")["member"]
        if what == "a member leaves":
            ou.admin.modify_s(dn, [(ldap.MOD_DELETE, "member", [shown[3].encode()])])
        else:
            ou.admin.delete_s(shown[3])

    with ou.connector(GROUP, range_size=10) as made:
        made.schema()
        session = made._domains[0].session
        session.connection = _Meddles(session.connection, meddle)
        found = list(made.read({"group": ["member"]}, None))
    (group,) = objects(found).values()
    parts = edges(found, group.anchor)
    assert parts[-1].last
    assert not parts[-1].whole, "a member may have slipped from one range into the one before"


def test_members_that_a_login_may_not_see_are_not_taken_for_none(ou: Ou) -> None:
    ann = ou.user("ann")
    hidden, empty = ou.group("hidden", [ann]), ou.group("empty")
    who = ou.login("reader")
    deny = "(OD;;RP;bf9679c0-0de6-11d0-a285-00aa003049e2;;AU)"
    ou.server.tool("dsacl", "set", f"--objectdn={hidden}", f"--sddl={deny}")
    found = pages(ou.connector(GROUP, user=who, password=PASSWORD), None, group=["cn", "member"])
    shown = {item.values["dn"]: edges(found, item.anchor) for item in objects(found).values()}
    assert [(part.values, part.whole) for part in shown[hidden]] == [([], False)]
    assert [(part.values, part.whole) for part in shown[empty]] == [([], True)]


def test_primary_groups_are_memberships_when_asked_for(ou: Ou) -> None:
    ann, bert = ou.user("ann"), ou.user("bert")
    staff = ou.group("staff", [ann])
    number = ou.entry(staff, "primaryGroupToken")["primaryGroupToken"][0]
    ou.set(ann, primaryGroupID=number)
    plain = pages(ou.connector(GROUP), None, group=["member"])
    assert edges(plain, next(iter(objects(plain))))[-1].values == [], "a primary group's members stand in no member"
    types = {"user": {"class": "user", "primary_group": True}, "group": {"class": "group", "primary_group": True}}
    found = pages(ou.connector(types), None, user=["memberOf", "primaryGroupID"], group=["member"])
    shown = by_dn(found)
    assert shown[ann].values["primaryGroupID"] == int(number)
    assert shown[ann].values["memberOf"] == [f"CN=Domain Users,CN=Users,{ou.server.base}", staff]
    assert shown[bert].values["memberOf"] == [f"CN=Domain Users,CN=Users,{ou.server.base}"]
    parts = edges(found, shown[staff].anchor)
    assert ([value for part in parts for value in part.values], parts[-1].whole) == ([ann], True)


def test_a_range_of_a_group_that_went_is_not_whole() -> None:
    class Gone:
        def search(self, *_: Any) -> list[Any]:
            return []

    entry = {"member;range=0-1": [b"a", b"b"], "uSNChanged": [b"7"]}
    parts = list(ranges.parts(Gone(), "CN=g", "member", entry, 2))
    assert [(list(part.values), part.last, part.proven) for part in parts] == [
        ([b"a", b"b"], False, False),
        ([], True, False),
    ]
