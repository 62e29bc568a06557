"""The LDAP connector on OpenLDAP and 389 Directory Server: the conformance kit, and what is special to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import ldap
import pytest

from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.guard import Guard
from muster.connectors.kit.subject import Subject
from muster.connectors.ldap import LdapConnector
from muster.connectors.ldap.settings import LdapObject, LdapSettings
from muster.model.changes import Action, Change, EdgeChange, Result
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError, Unreachable, WatermarkExpired
from muster.model.objects import ConnectorObject
from muster.model.secrets import Secret
from muster.model.values import Document, Type, items
from tests.connectors.sessions import DELTA_CHECKS, EDGE_CHECKS, create, keep, one, update, written
from tests.servers.directory import LdapServer
from tests.servers.ds389 import Ds389
from tests.servers.openldap import OpenLdap
from tests.servers.process import HOST, free_port

USER = {"class": "inetOrgPerson"}
GROUP = {"class": "groupOfNames"}


def settings(server: LdapServer, **changed: Any) -> LdapSettings:
    values: dict[str, Any] = {
        "url": server.url,
        "bind_dn": server.bind_dn,
        "password": Secret(server.password),
        "base": server.base,
        "page_size": 3,
        "timeout": 10,
    }
    return LdapSettings(**{**values, **changed})


def connector(
    server: LdapServer, objects: Mapping[str, Mapping[str, Any]] | None = None, **changed: Any
) -> LdapConnector:
    types = {name: LdapObject.model_validate(one) for name, one in (objects or {"user": USER}).items()}
    return LdapConnector("directory", settings(server, **changed), types, Path("/"))


def person(n: int, server: LdapServer, **more: Any) -> Document:
    return {
        "dn": f"uid=user{n},{server.people}",
        "uid": [f"user{n}"],
        "cn": [f"User {n}"],
        "sn": [f"Nr {n}"],
        "displayName": f"User Nr {n}",
        "title": ["Engineer"],
        "employeeNumber": str(n),
        **more,
    }


def read(made: LdapConnector, *names: str, since: str | None = None, kind: str = "user") -> dict[str, ConnectorObject]:
    with made:
        return {found.anchor: found for page in made.read({kind: names}, since) for found in page.objects}


def mark(made: LdapConnector, *types: str) -> str:
    with made:
        *_, last = made.read(dict.fromkeys(types or ("user",), ("cn",)), None)
    assert last.watermark is not None
    return last.watermark


class DirectorySubject(Subject):
    connector: ClassVar[type[Connector]] = LdapConnector
    object_type = "user"
    text = "displayName"
    clearable = "preferredLanguage"
    many = "title"
    deltas = True
    types: ClassVar[dict[str, Any]] = {"user": USER}

    def __init__(self, server: LdapServer) -> None:
        self.server = server
        self.numbers = 0

    def open(self) -> Connector:
        return connector(self.server, self.types)

    def reset(self) -> None:
        server: Any = self.server
        server.reset()

    def sample(self, n: int) -> Document:
        return person(n, self.server, preferredLanguage="de")

    def renamed(self, n: int) -> Document | None:
        return {"dn": f"uid=renamed{n},{self.server.groups}", "uid": [f"renamed{n}"]}

    def refused(self, n: int) -> Document | None:
        values = self.sample(n)
        del values["sn"]
        return values

    def unreachable(self) -> Connector | None:
        return connector(self.server, self.types, url=f"ldap://{HOST}:{free_port()}")

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        wrong = Secret("wrong-sesame-43")
        return connector(self.server, self.types, password=wrong), wrong

    def broken_read(self) -> Connector | None:
        server = self.server
        server.add(*map(_entry, range(1, 8)))
        made = connector(server)
        made.__enter__()
        inner = made._session.connection
        made._session.connection = _BreaksAfter(inner, 1)
        return made


class OpenLdapSubject(DirectorySubject):
    types: ClassVar[dict[str, Any]] = {
        "user": {**USER, "enabled": {"attribute": "employeeType", "on": "active", "off": "left"}}
    }

    def expired(self) -> str | None:
        return '{"at":{"dc=acme,dc=example":"rid=000,csn=20200101000000.000000Z#000000#000#000000"},"how":"syncrepl"}'


class AccesslogSubject(DirectorySubject):
    def open(self) -> Connector:
        return connector(self.server, self.types, delta="accesslog")

    def expired(self) -> str | None:
        return '{"at":{"csn":{},"start":"20200101000000.000000Z"},"how":"accesslog"}'


class Ds389Subject(DirectorySubject):
    types: ClassVar[dict[str, Any]] = {"user": {**USER, "enabled": "nsAccountLock"}}

    def expired(self) -> str | None:
        return '{"at":-5,"how":"changelog"}'


class Ds389SyncSubject(DirectorySubject):
    def open(self) -> Connector:
        return connector(self.server, self.types, delta="syncrepl")

    def expired(self) -> str | None:
        cookie = "elsewhere:389#cn=x:dc=acme,dc=example:(objectClass=*)#1"
        return f'{{"at":{{"dc=acme,dc=example":"{cookie}"}},"how":"syncrepl"}}'


def _entry(n: int) -> tuple[str, dict[str, list[bytes]]]:
    dn = f"uid=user{n},ou=people,dc=acme,dc=example"
    names = {"objectClass": [b"inetOrgPerson"], "uid": [b"user%d" % n], "cn": [b"User %d" % n], "sn": [b"Nr"]}
    return dn, names


class _BreaksAfter:
    """A connection whose results stop coming after some."""

    def __init__(self, inner: Any, results: int) -> None:
        self._inner = inner
        self._left = results

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def result3(self, *args: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ldap.SERVER_DOWN({"desc": "Can't contact LDAP server"})
        return self._inner.result3(*args)


class GroupSubject(DirectorySubject):
    """Groups, for what is promised of large references."""

    object_type = "group"
    text = "description"
    large = "member"
    types: ClassVar[dict[str, Any]] = {"group": {**GROUP, "placeholder_member": "cn=nobody"}}

    def sample(self, n: int) -> Document:
        return {
            "dn": f"cn=group{n},{self.server.groups}",
            "cn": [f"group{n}"],
            "description": [f"Group {n}"],
        }

    def targets(self, count: int) -> list[str]:
        return [f"uid=t{number},{self.server.people}" for number in range(count)]


@pytest.fixture
def subject(openldap: OpenLdap) -> OpenLdapSubject:
    return OpenLdapSubject(openldap)


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_openldap_keeps_the_promise(check: Check, subject: OpenLdapSubject) -> None:
    keep(check, subject, LACKS)


@pytest.mark.parametrize("check", EDGE_CHECKS, ids=str)
def test_openldap_groups_keep_the_promise(check: Check, openldap: OpenLdap) -> None:
    keep(check, GroupSubject(openldap), LACKS)


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_ds389_keeps_the_promise(check: Check, ds389: Ds389) -> None:
    keep(check, Ds389Subject(ds389), LACKS)


@pytest.mark.parametrize("check", DELTA_CHECKS, ids=str)
def test_openldap_keeps_the_promises_of_a_delta_by_its_accesslog(check: Check, openldap: OpenLdap) -> None:
    keep(check, AccesslogSubject(openldap), LACKS)


@pytest.mark.parametrize("check", DELTA_CHECKS, ids=str)
def test_ds389_keeps_the_promises_of_a_delta_by_synchronisation(check: Check, ds389: Ds389) -> None:
    keep(check, Ds389SyncSubject(ds389), LACKS)


LACKS = {
    "it has no large reference",
}
"""Why some checks of the kit do not apply here. Any other reason is a check that got lost."""


@pytest.mark.parametrize("check", EDGE_CHECKS, ids=str)
def test_ds389_groups_keep_the_promise(check: Check, ds389: Ds389) -> None:
    keep(check, GroupSubject(ds389), LACKS)


# --- schema


@pytest.mark.parametrize("name", ["openldap", "ds389"])
def test_the_schema_is_the_servers_own(name: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(name)
    with connector(server, {"user": USER, "group": GROUP}) as made:
        schema = made.schema().types
    user, group = schema["user"], schema["group"]
    assert (user.anchor, user.assigned) == ("entryUUID" if name == "openldap" else "nsUniqueId", True)
    assert (user.naming, user.name_is_dn, user.reference) == ("dn", True, "dn")
    assert user.attributes["sn"].required
    assert user.attributes["cn"].many
    assert not user.attributes["displayName"].many
    assert not user.attributes["displayName"].exact
    assert user.attributes["manager"].type is Type.REFERENCE
    assert user.attributes["jpegPhoto"].type is Type.BINARY
    assert user.attributes["createTimestamp"].type is Type.DATETIME
    assert user.attributes["createTimestamp"].writable == "never"
    assert group.attributes["member"].large
    assert "userPassword" not in user.attributes


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"class": "inetOrgPersn"}, "inetOrgPersn"),
        ({**USER, "anchor": "employeId"}, "employeId"),
        ({**USER, "base": "x"}, "'x'"),
    ],
)
def test_what_the_server_does_not_know_is_named(openldap: OpenLdap, wrong: dict[str, Any], named: str) -> None:
    with connector(openldap, {"user": wrong}) as made, pytest.raises(ProjectError, match=named):
        made.schema()


@pytest.mark.parametrize("name", ["openldap", "ds389"])
def test_every_name_that_the_server_takes_is_known(name: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(name)
    objects: dict[str, dict[str, Any]] = {
        "user": USER,
        "posix": {**USER, "classes": ["posixAccount"]},
        "any": {**USER, "classes": ["extensibleObject"]},
    }
    with connector(server, objects) as made:
        types = made.schema().types
    user = types["user"]
    for other in ("sn", "SN", "surname", "2.5.4.4"):
        assert user.has(other)
        assert user.attribute(other).many, "cn and sn are lists by each of their names"
    assert user.has("createTimestamp")
    assert [kind.has("uidNumber") for kind in (user, types["posix"], types["any"])] == [False, True, True]
    assert not user.has("sn;lang-de")
    classes = user.attribute("objectClass")
    assert (classes.many, classes.writable) == (True, "never")
    assert {"objectclass", "userpassword", "enabled"} == user.apart.keys()


def test_an_alias_and_a_number_write_and_show_what_the_first_name_does(openldap: OpenLdap) -> None:
    values = person(1, openldap, **{"2.5.4.9": ["Main Street"]})
    values["surname"] = values.pop("sn")
    assert one(connector(openldap), create(1, values)).result is Result.DONE
    (found,) = read(connector(openldap), "surname", "2.5.4.9", "objectClass").values()
    assert (found.values["surname"], found.values["2.5.4.9"]) == (["Nr 1"], ["Main Street"])
    assert "inetOrgPerson" in items(found.values["objectClass"])


# --- names


def test_a_create_gives_anchor_and_dn_and_builds_the_dn_itself(openldap: OpenLdap) -> None:
    values = person(1, openldap, uid=["o'hara, ann+1"])
    del values["dn"]
    made = connector(openldap, {"user": {**USER, "base": openldap.people}})
    outcome = one(made, create(1, values))
    assert outcome.result is Result.DONE
    found = read(made, "uid")
    assert found[outcome.anchor or ""].values["uid"] == ["o'hara, ann+1"]
    assert found[outcome.anchor or ""].values["dn"] == outcome.values["dn"]


def test_a_missing_parent_is_named(openldap: OpenLdap) -> None:
    outcome = one(connector(openldap), create(1, person(1, openldap, dn="uid=user1,ou=lost,dc=acme,dc=example")))
    assert outcome.result is Result.REJECTED
    assert "no ou=lost,dc=acme,dc=example" in outcome.reason
    assert "nearest that exists is dc=acme,dc=example" in outcome.reason


def test_parents_and_children_in_one_stream(openldap: OpenLdap) -> None:
    made = connector(openldap, {"ou": {"class": "organizationalUnit"}, "user": USER})
    top = f"ou=new,{openldap.people}"
    changes = [create(0, {"dn": top, "ou": ["new"]}, "ou")]
    changes += [create(n, person(n, openldap, dn=f"uid=user{n},{top}")) for n in range(1, 60)]
    outcomes = written(made, *changes)
    assert {found.result for found in outcomes.values()} == {Result.DONE}
    deletes = [Change(n, "user" if n else "ou", Action.DELETE, outcomes[n].anchor) for n in [*range(1, 60), 0]]
    assert {found.result for found in written(made, *deletes).values()} == {Result.DONE}


def test_a_renamed_container_takes_its_people_along(openldap: OpenLdap) -> None:
    made = connector(openldap, {"ou": {"class": "organizationalUnit"}, "user": USER})
    old, new = f"ou=old,{openldap.people}", f"ou=new,{openldap.groups}"
    outcomes = written(
        made,
        create(0, {"dn": old, "ou": ["old"]}, "ou"),
        *[create(n, person(n, openldap, dn=f"uid=user{n},{old}")) for n in range(1, 4)],
    )
    since = mark(made, "user")
    changes = [update(outcomes[0].anchor or "", {"dn": new}, "ou", 0)]
    changes += [update(outcomes[n].anchor or "", {"displayName": "moved"}, key=n) for n in (1, 2)]
    assert {found.result for found in written(made, *changes).values()} == {Result.DONE}
    changed = read(made, "displayName", since=since)
    assert {found.values["dn"] for found in changed.values()} == {f"uid=user{n},{new}" for n in (1, 2, 3)}
    assert changed[outcomes[1].anchor or ""].values["displayName"] == "moved"


def test_a_new_value_of_the_naming_attribute_renames(openldap: OpenLdap) -> None:
    made = connector(openldap)
    anchor = one(made, create(1, person(1, openldap))).anchor or ""
    outcome = one(made, update(anchor, {"uid": ["ann"], "displayName": "Ann"}))
    assert (outcome.result, outcome.values) == (Result.DONE, {"dn": f"uid=ann,{openldap.people}"})
    found = read(made, "uid", "displayName")[anchor].values
    assert found == {"dn": f"uid=ann,{openldap.people}", "uid": ["ann"], "displayName": "Ann"}


@pytest.mark.parametrize("add", [["ann"], []], ids=["another", "one of those it has"])
def test_an_object_that_loses_the_value_of_its_name_gets_another_name(openldap: OpenLdap, add: list[str]) -> None:
    made = connector(openldap)
    values = person(1, openldap, uid=["user1", *([] if add else ["ann"])])
    anchor = one(made, create(1, values)).anchor or ""
    outcome = one(made, update(anchor, {"displayName": "Ann"}, add={"uid": add}, remove={"uid": ["user1"]}))
    assert (outcome.result, outcome.values) == (Result.DONE, {"dn": f"uid=ann,{openldap.people}"})
    found = read(made, "uid", "displayName")[anchor].values
    assert found == {"dn": f"uid=ann,{openldap.people}", "uid": ["ann"], "displayName": "Ann"}


def test_the_same_dn_in_other_letters_is_no_rename(openldap: OpenLdap) -> None:
    made = connector(openldap)
    anchor = one(made, create(1, person(1, openldap))).anchor or ""
    outcome = one(made, update(anchor, {"dn": f"UID=User1,{openldap.people.upper()}"}))
    assert (outcome.result, outcome.values) == (Result.DONE, {})


def test_a_taken_name_and_a_missing_target_are_refused_in_words(openldap: OpenLdap) -> None:
    made = connector(openldap)
    outcomes = written(made, create(1, person(1, openldap)), create(2, person(2, openldap)))
    anchor = outcomes[1].anchor or ""
    taken = one(made, update(anchor, {"dn": f"uid=user2,{openldap.people}"}))
    lost = one(made, update(anchor, {"dn": f"uid=user1,ou=lost,{openldap.base}"}))
    assert (taken.result, lost.result) == (Result.REJECTED, Result.REJECTED)
    assert "taken by another object" in taken.reason
    assert f"no ou=lost,{openldap.base}" in lost.reason


def test_a_move_that_the_server_does_not_make_is_refused_in_words_and_stops_nobody_else(openldap: OpenLdap) -> None:
    made = connector(openldap)
    outcomes = written(made, create(1, person(1, openldap)), create(2, person(2, openldap)))
    later = written(
        made,
        update(outcomes[1].anchor or "", {"dn": "uid=user1,cn=accesslog"}, key=1),
        update(outcomes[2].anchor or "", {"dn": f"uid=two,{openldap.groups}"}, key=2),
    )
    assert {key: one.result for key, one in later.items()} == {1: Result.REJECTED, 2: Result.DONE}
    assert "uid=user1,ou=people,dc=acme,dc=example: cannot move to cn=accesslog" in later[1].reason
    assert "does not move an object there" in later[1].reason


@pytest.mark.parametrize("count", [2, 3, 5])
def test_people_who_take_each_others_names_in_a_circle_all_get_them(openldap: OpenLdap, count: int) -> None:
    made = connector(openldap)
    people = range(1, count + 1)
    outcomes = written(made, *(create(n, person(n, openldap)) for n in people))
    anchors = {n: outcomes[n].anchor or "" for n in people}
    wanted = {n: f"uid=user{n % count + 1},{openldap.people}" for n in people}
    later = written(made, *(update(anchors[n], {"dn": wanted[n], "title": [f"{n}"]}, key=n) for n in people))
    assert {later[n].result for n in people} == {Result.DONE}
    with made:
        found = {o.anchor: o.values for page in made.read({"user": ["dn", "uid", "title"]}, None) for o in page.objects}
    assert {n: found[anchors[n]] for n in people} == {
        n: {"dn": wanted[n], "uid": [f"user{n % count + 1}"], "title": [f"{n}"]} for n in people
    }


def test_whoever_takes_a_name_that_another_leaves_gets_it_in_the_same_write(openldap: OpenLdap) -> None:
    made = connector(openldap)
    outcomes = written(made, create(1, person(1, openldap)), create(2, person(2, openldap)))
    later = written(
        made,
        update(outcomes[1].anchor or "", {"dn": f"uid=user2,{openldap.people}"}, key=1),
        update(outcomes[2].anchor or "", {"dn": f"uid=user3,{openldap.people}"}, key=2),
    )
    assert {one.result for one in later.values()} == {Result.DONE}


def test_who_cannot_leave_a_name_keeps_it_and_is_not_put_aside(openldap: OpenLdap) -> None:
    made = connector(openldap)
    outcomes = written(made, *(create(n, person(n, openldap)) for n in (1, 2, 3)))
    later = written(
        made,
        update(outcomes[1].anchor or "", {"dn": f"uid=user2,{openldap.people}"}, key=1),
        update(outcomes[2].anchor or "", {"dn": f"uid=user3,{openldap.people}"}, key=2),
    )
    assert {one.result for one in later.values()} == {Result.REJECTED}
    with made:
        dns = {str(o.values["dn"]) for page in made.read({"user": ["dn"]}, None) for o in page.objects}
    assert dns == {f"uid=user{n},{openldap.people}" for n in (1, 2, 3)}


def test_find_escapes_what_it_looks_for(openldap: OpenLdap) -> None:
    made = connector(openldap)
    names = ["a*b", "a(b)", "a\\b", "aXb"]
    anchors = {n: one(made, create(n, person(n, openldap, displayName=name))).anchor for n, name in enumerate(names)}
    with made:
        for n, name in enumerate(names):
            assert [found.anchor for found in made.find("user", {"displayName": name})] == [anchors[n]]
        by_dn = [found.anchor for found in made.find("user", {"dn": f"UID=user1, {openldap.people}"})]
        assert by_dn == [anchors[1]]
        assert list(made.find("user", {"dn": f"uid=nobody,{openldap.people}"})) == []


# --- switches, groups, passwords


@pytest.mark.parametrize(
    "switch", ["nsAccountLock", {"attribute": "employeeType", "on": "active", "off": "left"}], ids=["lock", "words"]
)
def test_enabled_is_the_attribute_that_the_file_names(ds389: Ds389, switch: object) -> None:
    made = connector(ds389, {"user": {**USER, "enabled": switch}})
    on = one(made, create(1, person(1, ds389, enabled=True))).anchor or ""
    off = one(made, create(2, person(2, ds389, enabled=False))).anchor or ""
    assert {anchor: found.values["enabled"] for anchor, found in read(made, "enabled").items()} == {
        on: True,
        off: False,
    }
    with made:
        assert [found.anchor for found in made.find("user", {"enabled": False})] == [off]
    one(made, update(off, {"enabled": True}))
    one(made, Change(1, "user", Action.DISABLE, on, {"enabled": False}))
    assert {anchor: found.values["enabled"] for anchor, found in read(made, "enabled").items()} == {
        on: False,
        off: True,
    }


def test_an_empty_group_holds_the_placeholder_and_shows_nothing(openldap: OpenLdap) -> None:
    made = connector(openldap, {"group": {**GROUP, "placeholder_member": "cn=nobody"}})
    anchor = one(made, create(1, {"dn": f"cn=g,{openldap.groups}", "cn": ["g"]}, "group")).anchor
    with made:
        edges = [edge for page in made.read({"group": ["member"]}, None) for edge in page.edges]
    assert [(edge.anchor, edge.values, edge.whole, edge.last) for edge in edges] == [(anchor, [], True, True)]
    assert openldap.connect().read_s(f"cn=g,{openldap.groups}")["member"] == [b"cn=nobody"]


def test_the_last_member_of_a_group_made_by_others_can_go(openldap: OpenLdap) -> None:
    dn = f"cn=g,{openldap.groups}"
    openldap.add((dn, {"objectClass": [b"groupOfNames"], "cn": [b"g"], "member": [b"uid=a,dc=acme,dc=example"]}))
    without = connector(openldap, {"group": GROUP})
    (anchor,) = read(without, kind="group")
    edges = iter([EdgeChange("member", [], ["uid=a,dc=acme,dc=example"])])
    refused = one(without, update(anchor, kind="group", edges=edges))
    assert refused.result is Result.REJECTED
    assert "placeholder_member" in refused.reason
    made = connector(openldap, {"group": {**GROUP, "placeholder_member": "cn=nobody"}})
    edges = iter([EdgeChange("member", [], ["uid=a,dc=acme,dc=example"])])
    assert one(made, update(anchor, kind="group", edges=edges)).result is Result.DONE
    assert openldap.connect().read_s(dn)["member"] == [b"cn=nobody"]


def test_one_bad_member_is_named_and_the_others_are_written(openldap: OpenLdap) -> None:
    made = connector(openldap, {"group": {**GROUP, "placeholder_member": "cn=nobody"}})
    anchor = one(made, create(1, {"dn": f"cn=g,{openldap.groups}", "cn": ["g"]}, "group")).anchor or ""
    members = [f"uid=m{n},{openldap.people}" for n in range(40)]
    outcome = one(made, update(anchor, kind="group", edges=iter([EdgeChange("member", [*members, "no dn"], [])])))
    assert outcome.result is Result.REJECTED
    assert "member no dn was refused" in outcome.reason
    assert len(openldap.connect().read_s(f"cn=g,{openldap.groups}")["member"]) == 41


@pytest.mark.parametrize("name", ["openldap", "ds389"])
def test_a_first_password_works_and_is_kept_as_a_hash(name: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(name)
    made = connector(server)
    secret = Secret("First-Passw0rd!")
    outcome = one(made, create(1, person(1, server), password=secret))
    assert (outcome.result, outcome.reason) == (Result.DONE, "")
    login = ldap.initialize(server.url)
    login.simple_bind_s(f"uid=user1,{server.people}", secret.reveal())
    kept = server.connect().read_s(f"uid=user1,{server.people}", attrlist=["userPassword"])["userPassword"][0]
    assert kept.startswith(b"{")


@pytest.mark.parametrize("offered", [True, False])
@pytest.mark.parametrize("name", ["openldap", "ds389"])
def test_a_new_password_works_however_the_server_takes_it(
    name: str, offered: bool, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(name)
    made = connector(server)
    anchor = one(made, create(1, person(1, server), password=Secret("First-Passw0rd!"))).anchor or ""
    with made:
        if not offered:
            made._session._offers = replace(made._session.offers, extensions=frozenset())
        outcome = made.set_password("user", anchor, Secret("Second-Passw0rd!"), must_change=False)
        assert (outcome.result, outcome.reason) == (Result.DONE, "")
        gone = made.set_password("user", "00000000-0000-0000-0000-000000000000", Secret("x"), must_change=False)
        assert gone.result is Result.GONE
    ldap.initialize(server.url).simple_bind_s(f"uid=user1,{server.people}", "Second-Passw0rd!")


# --- connections


def test_certificates_are_checked(openldap: OpenLdap, tmp_path: Path) -> None:
    for changed in ({"url": openldap.ldaps_url}, {"start_tls": True}):
        with connector(openldap, ca=openldap.certificate, **changed) as made:
            assert made.check().ok
        with pytest.raises(Unreachable, match="self-signed certificate"), connector(openldap, **changed):
            pass
    with pytest.raises(ProjectError, match="nowhere"), connector(openldap, ca="nowhere.pem", start_tls=True):
        pass


def test_an_empty_password_is_no_login(openldap: OpenLdap) -> None:
    with pytest.raises(AuthFailed, match="is empty"), connector(openldap, password=Secret("")):
        pass


def test_a_size_limit_is_no_complete_read(openldap: OpenLdap) -> None:
    openldap.add(*map(_entry, range(1, 9)))
    openldap.connect().passwd_s(f"uid=user1,{openldap.people}", None, "reader-pass")
    reader = connector(openldap, bind_dn=f"uid=user1,{openldap.people}", password=Secret("reader-pass"))
    assert len(read(reader, "uid")) == 8
    config = ldap.initialize(openldap.url)
    config.simple_bind_s(openldap.config_dn, openldap.password)
    database = "olcDatabase={2}mdb,cn=config"
    config.modify_s(database, [(ldap.MOD_REPLACE, "olcSizeLimit", [b"5"])])
    try:
        with pytest.raises(IncompleteRead, match="olcLimits"):
            read(reader, "uid")
    finally:
        config.modify_s(database, [(ldap.MOD_DELETE, "olcSizeLimit", None)])


def test_without_rights_a_write_is_refused_and_says_so(openldap: OpenLdap) -> None:
    openldap.add(_entry(1))
    openldap.connect().passwd_s(f"uid=user1,{openldap.people}", None, "reader-pass")
    reader = connector(openldap, bind_dn=f"uid=user1,{openldap.people}", password=Secret("reader-pass"))
    outcome = one(reader, create(1, person(2, openldap)))
    assert outcome.result is Result.REJECTED
    assert "Grant this login" in outcome.reason


@pytest.mark.parametrize("name", ["openldap", "ds389"])
def test_when_the_server_dies_every_change_has_an_outcome(name: str, request: pytest.FixtureRequest) -> None:
    server: LdapServer = request.getfixturevalue(name)

    def changes() -> Iterator[Change]:
        for n in range(1, 2_001):
            if n == 1_200:
                server.kill()
            yield create(n, person(n, server))

    with Guard(connector(server), system="directory") as guard:
        outcomes = list(guard.write(changes()))
        assert isinstance(guard.broken, Unreachable)
    server.start()
    assert sorted(found.key for found in outcomes) == list(range(1, 2_001))
    assert {found.result for found in outcomes} == {Result.DONE, Result.RETRY}
    retried = next(found for found in outcomes if found.result is Result.RETRY)
    assert "stopped answering" in retried.reason
    kept = read(connector(server, page_size=1000), "uid")
    assert {found.anchor for found in outcomes if found.result is Result.DONE} <= set(kept)


# --- deltas


def test_check_says_how_changes_are_found(openldap: OpenLdap) -> None:
    with connector(openldap) as made:
        assert "changes are found by syncrepl" in made.check().message
    with connector(openldap, {"user": {**USER, "base": "ou=lost,dc=acme,dc=example"}}) as made:
        health = made.check()
    assert not health.ok
    assert "no 'ou=lost,dc=acme,dc=example'" in health.missing[0]


def test_a_delta_tells_what_left_the_filter_as_gone(openldap: OpenLdap) -> None:
    made = connector(openldap, {"user": {**USER, "filter": "(title=Engineer)"}})
    anchor = one(made, create(1, person(1, openldap))).anchor or ""
    since = mark(made)
    one(made, update(anchor, {"title": ["Chef"]}))
    assert read(made, "title", since=since)[anchor].deleted


def test_nothing_changed_is_an_empty_delta_with_a_watermark(openldap: OpenLdap) -> None:
    made = connector(openldap)
    one(made, create(1, person(1, openldap)))
    since = mark(made)
    with made:
        (page,) = made.read({"user": ["cn"]}, since)
    assert (page.objects, page.last) == ([], True)
    assert page.watermark is not None


def test_modification_times_find_changes_and_no_deletions(openldap: OpenLdap) -> None:
    made = connector(openldap, delta="timestamp")
    outcomes = written(made, create(1, person(1, openldap)), create(2, person(2, openldap)))
    since = mark(made)
    one(made, update(outcomes[1].anchor or "", {"displayName": "changed"}))
    one(made, Change(1, "user", Action.DELETE, outcomes[2].anchor))
    found = read(made, "displayName", since=since)
    assert found[outcomes[1].anchor or ""].values["displayName"] == "changed"
    assert outcomes[2].anchor not in found
    with made:
        assert "which shows no deletions: a full read finds them" in made.check().message
        *_, last = made.read({"user": ["cn"]}, since)
    assert last.blind, "so that everything is read for them now and then"
    with pytest.raises(WatermarkExpired):
        read(connector(openldap), "cn", since=since)


def test_no_delta_gives_no_watermark(openldap: OpenLdap) -> None:
    with connector(openldap, delta="none") as made:
        *_, last = made.read({"user": ["cn"]}, None)
    assert last.watermark is None


def test_a_changelog_that_was_trimmed_or_began_anew_expires(ds389: Ds389) -> None:
    made = connector(ds389)
    one(made, create(1, person(1, ds389)))
    for number in (-5, 10_000_000):
        with pytest.raises(WatermarkExpired):
            read(made, "cn", since=f'{{"how":"changelog","at":{number}}}')


WAYS = [("openldap", "syncrepl"), ("openldap", "accesslog"), ("ds389", "changelog"), ("ds389", "syncrepl")]


@pytest.fixture(params=WAYS, ids=" by ".join)
def followed(request: pytest.FixtureRequest) -> tuple[LdapServer, LdapConnector]:
    """A server and, for each way to find its changes, a connector that sees people and containers below ou=people."""
    name, how = request.param
    server: LdapServer = request.getfixturevalue(name)
    objects = {"user": {**USER, "filter": "(title=*)"}, "ou": {"class": "organizationalUnit"}}
    return server, connector(server, objects, base=server.people, delta=how)


def test_a_delta_tells_what_changed_left_and_went_and_nothing_else(followed: tuple[LdapServer, LdapConnector]) -> None:
    server, made = followed
    people = written(made, *(create(n, person(n, server)) for n in range(1, 7)))
    anchors = {n: people[n].anchor or "" for n in people}
    since = mark(made)
    assert read(made, "cn", since=since) == {}
    admin = server.connect()
    admin.modify_s(f"uid=user1,{server.people}", [(ldap.MOD_REPLACE, "displayName", [b"changed"])])
    admin.modify_s(f"uid=user2,{server.people}", [(ldap.MOD_DELETE, "title", None)])
    admin.rename_s(f"uid=user3,{server.people}", "uid=three", server.groups)
    admin.rename_s(f"uid=user4,{server.people}", "uid=four")
    admin.delete_s(f"uid=user5,{server.people}")
    found = read(made, "displayName", since=since)
    gone = {anchor for anchor, one in found.items() if one.deleted and anchor in anchors.values()}
    assert gone == {anchors[n] for n in (2, 3, 5)}
    shown = {anchor: one.values for anchor, one in found.items() if not one.deleted}
    assert shown == {
        anchors[1]: {"dn": f"uid=user1,{server.people}", "displayName": "changed"},
        anchors[4]: {"dn": f"uid=four,{server.people}", "displayName": "User Nr 4"},
    }


def test_a_renamed_or_moved_container_takes_its_people_along(followed: tuple[LdapServer, LdapConnector]) -> None:
    server, made = followed
    """People among them: an entry of any class may have others below it."""
    stays, goes, comes = f"ou=stays,{server.people}", f"ou=goes,{server.people}", f"ou=comes,{server.groups}"
    whole = connector(server, {"user": USER, "ou": {"class": "organizationalUnit"}})
    containers = [create(n, {"dn": dn, "ou": [dn[3:8]]}, "ou") for n, dn in ((10, stays), (11, goes), (12, comes))]
    homes = {1: stays, 2: goes, 3: goes, 4: comes, 5: server.people, 6: f"uid=user5,{server.people}"}
    outcomes = written(
        whole, *containers, *(create(n, person(n, server, dn=f"uid=user{n},{dn}")) for n, dn in homes.items())
    )
    anchors = {n: outcomes[n].anchor or "" for n in homes}
    since = mark(made)
    admin = server.connect()
    admin.rename_s(stays, "ou=stayed")
    admin.rename_s(homes[6], "uid=boss")
    admin.rename_s(goes, "ou=gone", server.groups)
    admin.rename_s(comes, "ou=come", server.people)
    admin.delete_s(f"uid=user2,ou=gone,{server.groups}")
    found = read(made, "cn", since=since)
    assert {anchor for anchor in anchors.values() if found[anchor].deleted} == {anchors[2], anchors[3]}
    assert found[anchors[1]].values["dn"] == f"uid=user1,ou=stayed,{server.people}"
    assert found[anchors[4]].values["dn"] == f"uid=user4,ou=come,{server.people}"
    assert found[anchors[6]].values["dn"] == f"uid=user6,uid=boss,{server.people}"


def test_a_delta_whose_server_dies_in_the_middle_has_no_end_and_the_next_tells_all(
    followed: tuple[LdapServer, LdapConnector],
) -> None:
    server, made = followed
    written(made, *(create(n, person(n, server)) for n in range(1, 10)))
    since = mark(made)
    admin = server.connect()
    for n in range(1, 9):
        admin.modify_s(f"uid=user{n},{server.people}", [(ldap.MOD_REPLACE, "displayName", [b"changed"])])
    admin.delete_s(f"uid=user9,{server.people}")
    with made:
        told = made.read({"user": ["displayName"]}, since)
        next(told)
        server.kill()
        with pytest.raises(Unreachable, match="stopped answering"):
            list(told)
    server.start()
    whole = connector(server, {"user": {**USER, "filter": "(title=*)"}}, base=server.people, delta=made._settings.delta)
    try:
        found = read(whole, "displayName", since=since)
    except WatermarkExpired:
        assert (server.bind_dn, made._settings.delta) == (OpenLdap.bind_dn, "syncrepl"), "it forgets at a restart"
        return
    assert sorted(one.deleted for one in found.values()) == [False] * 8 + [True]


def test_an_accesslog_that_lost_the_end_of_the_last_read_expires(openldap: OpenLdap) -> None:
    made = connector(openldap, delta="accesslog")
    one(made, create(1, person(1, openldap)))
    since = mark(made)
    admin = openldap.connect()
    admin.delete_s(f"uid=user1,{openldap.people}")
    for dn, _ in admin.search_s("cn=accesslog", ldap.SCOPE_ONELEVEL, "(reqStart=*)", ["1.1"]):
        admin.delete_s(dn)
    with pytest.raises(WatermarkExpired, match="no longer has the write at"):
        read(made, "cn", since=since)
    with made:
        *_, last = made.read({"user": ["cn"]}, None)
        assert last.watermark is None, "an empty log has no end to go on from"
    one(made, create(2, person(2, openldap)))
    since = mark(made)
    outcome = one(made, create(3, person(3, openldap)))
    assert set(read(made, "cn", since=since)) == {outcome.anchor}


def test_an_accesslog_that_cannot_be_read_is_missing_and_every_read_a_full_one(openldap: OpenLdap) -> None:
    made = connector(openldap, delta="accesslog", accesslog="cn=log")
    with made:
        health = made.check()
        *_, last = made.read({"user": ["cn"]}, None)
    assert (health.ok, last.watermark) == (False, None)
    assert health.missing[0].startswith("the log 'cn=log', or the right to read it")


def test_what_is_moved_out_of_sight_takes_a_full_read(openldap: OpenLdap) -> None:
    openldap.add(_entry(1), _entry(2))
    openldap.connect().passwd_s(f"uid=user1,{openldap.people}", None, "reader-pass")
    login = f"uid=user1,{openldap.people}"
    reader = connector(openldap, base=openldap.people, delta="accesslog", bind_dn=login, password=Secret("reader-pass"))
    config = ldap.initialize(openldap.url)
    config.simple_bind_s(openldap.config_dn, openldap.password)
    database, rule = "olcDatabase={2}mdb,cn=config", f'{{0}}to dn.subtree="{openldap.groups}" by * none'.encode()
    config.modify_s(database, [(ldap.MOD_ADD, "olcAccess", [rule])])
    try:
        since = mark(reader)
        openldap.connect().rename_s(f"uid=user2,{openldap.people}", "uid=user2", openldap.groups)
        with pytest.raises(WatermarkExpired, match="moved out of 'ou=people"):
            read(reader, "cn", since=since)
    finally:
        config.modify_s(database, [(ldap.MOD_DELETE, "olcAccess", [rule])])


def test_a_leaver_is_disabled_even_where_the_new_name_is_taken(openldap: OpenLdap) -> None:
    switch = {"attribute": "employeeType", "on": "active", "off": "left"}
    made = connector(openldap, {"user": {**USER, "enabled": switch}})
    outcomes = written(made, create(1, person(1, openldap, enabled=True)), create(2, person(2, openldap)))
    anchor = outcomes[1].anchor or ""
    change = update(anchor, {"enabled": False, "dn": f"uid=user2,{openldap.people}", "title": "Gone"})
    with Guard(made, system="directory") as guard:
        (outcome,) = guard.write([change])
    assert (outcome.result, outcome.written) == (Result.REJECTED, {"enabled": False})
    assert "taken by another object" in outcome.reason
    found = read(made, "enabled")[anchor].values
    assert (found["enabled"], found["dn"]) == (False, f"uid=user1,{openldap.people}")
