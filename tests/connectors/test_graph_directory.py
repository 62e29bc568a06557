"""What is special to the Graph connector, on `muster serve`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from muster.connectors.graph import GraphConnector
from muster.connectors.graph.session import Answer, Request, Session
from muster.connectors.kit.guard import Guard, RetryPolicy
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.errors import Unreachable, WatermarkExpired
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.schema import ENABLED
from muster.model.secrets import Secret
from muster.model.values import Document, Type
from tests.connectors.graphs import PASSWORD, Graph, computer, external, fresh, person, team, to
from tests.connectors.sessions import create, one, update, written
from tests.servers.muster import MusterServer


def hired(n: int | str, key: int = 1, **more: Any) -> Change:
    return create(key, person(n, **more), password=PASSWORD)


def people(server: MusterServer, *names: str, **more: Any) -> list[str]:
    outcomes = written(to(server), *[hired(name, key, **more) for key, name in enumerate(names)])
    assert {found.result for found in outcomes.values()} == {Result.DONE}, outcomes
    return [str(outcomes[key].anchor) for key in range(len(names))]


def pages(connector: GraphConnector, kind: str, *names: str, since: str | None = None) -> list[Page]:
    with connector:
        return list(connector.read({kind: names}, since))


def objects(found: Iterable[Page]) -> dict[str, ConnectorObject]:
    return {item.anchor: item for page in found for item in page.objects}


def edges(found: Iterable[Page]) -> list[EdgePage]:
    return [edge for page in found for edge in page.edges]


def watermark(found: list[Page]) -> str:
    assert found[-1].watermark is not None
    return found[-1].watermark


# --- what a mapping sees


def test_the_schema_lists_what_there_is_and_what_may_be_written(muster_server: MusterServer, graph: Graph) -> None:
    own = muster_server.application["client_id"]
    (application,) = (one for one in graph("GET", "/applications")["value"] if one["appId"] == own)
    mine = f"/applications/{application['id']}/extensionProperties"
    name = fresh()
    body = {"name": name, "dataType": "Integer", "targetObjects": ["User"]}
    extension = graph("POST", mine, body)["name"]
    with to(muster_server) as connector:
        types = connector.schema().types
    user, group, device, contact = (types[kind] for kind in ("user", "group", "device", "contact"))
    assert (user.anchor, user.assigned, user.naming) == ("id", True, None)
    assert user.attributes["userPrincipalName"].required
    assert user.attributes["manager"].type is Type.REFERENCE
    assert user.attributes["employeeHireDate"].type is Type.DATETIME
    assert user.attributes["createdDateTime"].writable == "never"
    assert user.attributes[extension].type is Type.INTEGER
    assert extension not in group.attributes
    assert group.attributes["members"].large
    assert group.attributes["uniqueName"].writable == "create"
    assert not device.attributes["deviceId"].exact
    assert (user.can_enable, device.can_enable, group.can_enable, contact.can_enable) == (True, True, False, False)

    anchor = one(to(muster_server), hired(fresh(), **{extension: 41})).anchor
    assert one(to(muster_server), update(str(anchor), {extension: 42})).result is Result.DONE
    assert objects(pages(to(muster_server), "user", extension))[str(anchor)].values == {extension: 42}
    with to(muster_server) as connector:
        assert [found.anchor for found in connector.find("user", {extension: 42})] == [anchor]


def test_what_comes_from_on_premises_is_for_synchronisation_alone(muster_server: MusterServer) -> None:
    everyday = muster_server.muster("directory", "app", "add", fresh(), "--permission", "Directory.ReadWrite.All")
    with to(muster_server, everyday) as connector:
        plain = connector.schema().types
    with to(muster_server) as connector:
        syncing = connector.schema().types
    assert plain["user"].attributes["onPremisesSamAccountName"].writable == "never"
    assert plain["user"].attributes["onPremisesImmutableId"].writable == "always"
    assert (plain["contact"].writable, syncing["contact"].writable) == (False, True)
    assert syncing["user"].attributes["onPremisesSamAccountName"].writable == "always"


def test_every_attribute_can_be_looked_for(muster_server: MusterServer) -> None:
    """By a filter where Graph has one, by reading where it has none: no attribute makes a search fail."""
    samples: dict[Type, Any] = {
        Type.TEXT: "nobody's",
        Type.DATETIME: "2001-02-03T04:05:06Z",
        Type.BOOLEAN: True,
        Type.INTEGER: 123_456,
        Type.BINARY: "bm9ib2R5",
        Type.REFERENCE: "00000000-0000-4000-8000-000000000000",
    }
    own = {"deviceId": "00000000-0000-4000-8000-00000000ffff", "assignedLicenses": samples[Type.REFERENCE]}
    with to(muster_server, page_size=999) as connector:
        for kind, schema in connector.schema().types.items():
            for name, attribute in schema.attributes.items():
                if attribute.large or name == schema.anchor:
                    continue
                value = own.get(name, samples[attribute.type])
                list(connector.find(kind, {name: value}))
                list(connector.find_any(kind, name, [value]))


def test_find_escapes_what_it_looks_for(muster_server: MusterServer) -> None:
    mark = fresh()
    names = [f"{mark} O'Brien", f"{mark} a&b=c+d#e%20", f"{mark} é) or (id ne null", f"{mark} x"]
    anchors = people(muster_server, *(f"{mark}{n}" for n in range(len(names))))
    written(to(muster_server), *[update(anchors[n], {"displayName": name}, key=n) for n, name in enumerate(names)])
    with to(muster_server) as connector:
        for n, name in enumerate(names):
            assert [found.anchor for found in connector.find("user", {"displayName": name})] == [anchors[n]]
        found = connector.find_any("user", "displayName", names)
        assert sorted(item.anchor for item in found) == sorted(anchors)
        assert [
            item.anchor for item in connector.find("user", {"employeeId": f"E{mark}1", "jobTitle": "Engineer"})
        ] == [anchors[1]]
        assert list(connector.find("user", {"employeeId": f"E{mark}1", "jobTitle": None})) == []
        assert connector.get("user", "../groups") is None


def test_parts_of_complex_values_go_in_and_out_alone(muster_server: MusterServer, graph: Graph) -> None:
    (anchor,) = people(muster_server, fresh(), division="North", extensionAttribute3="three")
    assert (
        one(to(muster_server), update(anchor, {"costCenter": None, "extensionAttribute15": "x"})).result is Result.DONE
    )
    shown = graph("GET", f"/users/{anchor}?$select=employeeOrgData,onPremisesExtensionAttributes")
    assert {name: value for name, value in shown["employeeOrgData"].items() if value} == {"division": "North"}
    extensions = shown["onPremisesExtensionAttributes"]
    assert {name: value for name, value in extensions.items() if value} == {
        "extensionAttribute3": "three",
        "extensionAttribute15": "x",
    }


def test_a_contact_keeps_its_other_phones(muster_server: MusterServer, graph: Graph) -> None:
    anchor = str(one(to(muster_server), create(1, external(77, mobilePhone="+41 79", city="Bern"), "contact")).anchor)
    graph(
        "PATCH",
        f"/contacts/{anchor}",
        {"phones": [{"type": "mobile", "number": "1"}, {"type": "pager", "number": "2"}]},
    )
    values: Document = {"mobilePhone": "3", "businessPhones": ["4", "5"], "postalCode": "3000"}
    assert one(to(muster_server), update(anchor, values, "contact")).result is Result.DONE
    shown = graph("GET", f"/contacts/{anchor}")
    phones = [(phone["type"], phone["number"]) for phone in shown["phones"]]
    assert phones == [("pager", "2"), ("mobile", "3"), ("business", "4"), ("business", "5")]
    assert [(one["city"], one["postalCode"]) for one in shown["addresses"]] == [("Bern", "3000")]
    names = ("mobilePhone", "businessPhones", "city", "postalCode")
    assert objects(pages(to(muster_server), "contact", *names))[anchor].values == {**values, "city": "Bern"}


# --- users


def addressed(name: str, old: str = "") -> Change:
    """The change that gives somebody the sign-in name and the addresses of `name`, instead of those of `old`."""
    change = update("", {"userPrincipalName": f"{name}@acme.example", "mail": f"{name}@acme.example"})
    change.add = {"proxyAddresses": [f"SMTP:{name}@acme.example", f"smtp:{name}.2@acme.example"]}
    if old:
        change.remove = {"proxyAddresses": [f"SMTP:{old}@acme.example", f"smtp:{old}.2@acme.example"]}
    return change


def given(names: Mapping[str, tuple[str, str]]) -> list[Change]:
    """The changes that give these (by id) their new names instead of their old ones."""
    changes = [addressed(new, old) for old, new in names.values()]
    for key, (anchor, change) in enumerate(zip(names, changes, strict=True)):
        change.key, change.anchor = key, anchor
    return changes


def names_of(graph: Graph, anchor: str) -> tuple[str, str, list[str]]:
    shown = graph("GET", f"/users/{anchor}?$select=userPrincipalName,mail,proxyAddresses")
    return shown["userPrincipalName"], shown["mail"], sorted(shown["proxyAddresses"])


def full(name: str) -> tuple[str, str, list[str]]:
    return f"{name}@acme.example", f"{name}@acme.example", [f"SMTP:{name}@acme.example", f"smtp:{name}.2@acme.example"]


def named_people(server: MusterServer, *names: str) -> list[str]:
    """People who have these names, and their ids."""
    anchors = people(server, *(fresh() for _ in names))
    changes = given({anchor: ("", name) for anchor, name in zip(anchors, names, strict=True)})
    assert {outcome.result for outcome in written(to(server), *changes).values()} == {Result.DONE}
    return anchors


def test_people_take_each_others_names_in_one_write(muster_server: MusterServer, graph: Graph) -> None:
    names = [fresh() for _ in range(6)]
    anchors = named_people(muster_server, *names[:5])
    # Two swap, and the third takes the name of the fourth, who takes one of the fifth, who gets a new one.
    new = [names[n] for n in (1, 0, 3, 4, 5)]
    changes = given({a: (o, n) for a, o, n in zip(anchors, names, new, strict=False)})
    outcomes = written(to(muster_server), *changes)
    assert {outcome.result for outcome in outcomes.values()} == {Result.DONE}, outcomes
    assert [names_of(graph, anchor) for anchor in anchors] == [full(name) for name in new]

    kept, wants = anchors[0], anchors[2]
    late = written(to(muster_server), *given({wants: (new[2], new[0])}))[0]
    assert (late.result, f"({kept}) has it" in late.reason) == (Result.REJECTED, True), "who stays keeps its name"


@pytest.mark.parametrize("requests", range(1, 7))
def test_a_swap_that_was_broken_off_is_ended_by_the_next_write(
    muster_server: MusterServer, graph: Graph, monkeypatch: pytest.MonkeyPatch, requests: int
) -> None:
    names = [fresh() for _ in range(2)]
    anchors = named_people(muster_server, *names)
    swapped = {anchors[0]: (names[0], names[1]), anchors[1]: (names[1], names[0])}
    left = requests
    send = Session.batch

    def dying(self: Session, wanted: Sequence[Request]) -> list[Answer]:
        nonlocal left
        left -= 1
        if left < 0:
            raise Unreachable("cloud: gone")
        return send(self, wanted)

    with monkeypatch.context() as patched:
        patched.setattr(Session, "batch", dying)
        with Guard(to(muster_server, concurrency=1), system="cloud", retry=RetryPolicy(tries=1)) as guard:
            list(guard.write(given(swapped)))
    outcomes = written(to(muster_server), *given(swapped))
    assert {outcome.result for outcome in outcomes.values()} == {Result.DONE}, outcomes
    assert [names_of(graph, anchor) for anchor in anchors] == [full(names[1]), full(names[0])]


def test_a_user_that_is_there_is_named_by_its_id(muster_server: MusterServer) -> None:
    name = fresh()
    (anchor,) = people(muster_server, name)
    same_name = hired(fresh(), 1, userPrincipalName=f"USER{name}@acme.example")
    same_source = hired(fresh(), 2, onPremisesImmutableId=f"anchor-{name}")
    for change in (same_name, same_source):
        found = one(to(muster_server), change)
        assert (found.result, found.anchor) == (Result.EXISTS, anchor), found.reason
    other = people(muster_server, fresh())[0]
    taken = one(to(muster_server), update(other, {"userPrincipalName": f"user{name}@acme.example"}))
    assert taken.result is Result.REJECTED
    assert "Only one object may have this value" in taken.reason


def test_a_manager_is_a_reference(muster_server: MusterServer, graph: Graph) -> None:
    boss, other = people(muster_server, fresh(), fresh())
    (anchor,) = people(muster_server, fresh(), manager=boss)
    assert graph("GET", f"/users/{anchor}/manager")["id"] == boss
    read = pages(to(muster_server), "user", "manager", "displayName")
    assert objects(read)[anchor].values["manager"] == boss
    since = watermark(read)

    for manager in (other, None, None):
        assert one(to(muster_server), update(anchor, {"manager": manager, "jobTitle": "Chef"})).result is Result.DONE
        found = objects(pages(to(muster_server), "user", "manager", since=since))[anchor]
        assert (found.values.get("manager"), found.whole) == (manager, True)
    assert one(to(muster_server), update(anchor, {"manager": None})).result is Result.DONE
    nobody = "00000000-0000-4000-8000-000000000000"
    refused = one(to(muster_server), update(anchor, {"manager": nobody}))
    assert refused.result is Result.REJECTED
    assert "is not in the directory" in refused.reason
    assert one(to(muster_server), update(nobody, {"manager": None})).result is Result.GONE


def test_a_delta_of_something_else_keeps_the_manager(muster_server: MusterServer) -> None:
    (boss,) = people(muster_server, fresh())
    (anchor,) = people(muster_server, fresh(), manager=boss)
    since = watermark(pages(to(muster_server), "user", "manager", "jobTitle"))
    one(to(muster_server), update(anchor, {"jobTitle": "Chef"}))
    found = objects(pages(to(muster_server), "user", "manager", "jobTitle", since=since))[anchor]
    assert found.values == {"manager": boss, "jobTitle": "Chef"}


def test_a_guest_is_invited(muster_server: MusterServer, graph: Graph) -> None:
    address = f"{fresh()}@partner.example"
    values: Document = {
        "userType": "guest",
        "mail": address,
        "displayName": "Guest",
        "companyName": "P",
        ENABLED: False,
    }
    made = one(to(muster_server), create(1, values))
    assert (made.result, made.reason) == (Result.DONE, "")
    name = str(made.values["userPrincipalName"])
    assert "#EXT#@" in name
    shown = graph("GET", f"/users/{made.anchor}?$select=userType,externalUserState,companyName,accountEnabled")
    assert (shown["userType"], shown["externalUserState"], shown["companyName"]) == ("Guest", "PendingAcceptance", "P")
    assert shown["accountEnabled"] is False
    again = one(to(muster_server), create(1, {**values, "companyName": "Q"}))
    assert (again.result, again.anchor) == (Result.EXISTS, made.anchor)
    assert graph("GET", f"/users/{made.anchor}?$select=companyName")["companyName"] == "P"
    nameless = one(to(muster_server), create(1, {"userType": "Guest", "displayName": "X"}))
    assert (nameless.result, "flow `mail`" in nameless.reason) == (Result.REJECTED, True)
    refused = one(to(muster_server), create(1, {**values, "mail": f"x{address}", "usageLocation": "nowhere"}))
    assert (refused.result, bool(refused.anchor)) == (Result.REJECTED, True)
    assert refused.reason.startswith("invited, but /users/")


def test_a_deleted_user_comes_back_where_that_is_asked_for(muster_server: MusterServer, graph: Graph) -> None:
    name = fresh()
    (anchor,) = people(muster_server, name)
    assert one(to(muster_server), Change(1, "user", Action.DELETE, anchor)).result is Result.DONE
    with to(muster_server) as connector:
        (found,) = connector.find_deleted("user", ["nobody's", f"anchor-{name}"])
        assert (found.anchor, found.values["jobTitle"]) == (anchor, "Engineer")
        many = [f"anchor-{name}", *(f"nobody's {n}" for n in range(400))]
        assert [item.anchor for item in connector.find_deleted("user", many)] == [anchor]
        assert connector.schema().types["user"].restored_by == "onPremisesImmutableId"
        assert connector.schema().types["device"].restored_by is None
    change = hired(name, jobTitle="Chef")
    change.restores = anchor
    for _ in range(2):
        back = one(to(muster_server), change)
        assert (back.result, back.anchor) == (Result.DONE, anchor), "the second time it is there, which is as good"
    assert graph("GET", f"/users/{anchor}?$select=jobTitle")["jobTitle"] == "Chef"

    one(to(muster_server), Change(1, "user", Action.DELETE, anchor))
    graph("DELETE", f"/directory/deletedItems/{anchor}")
    late = one(to(muster_server), change)
    assert (late.result, "no longer among the deleted objects" in late.reason) == (Result.RETRY, True)
    (other,) = people(muster_server, name)
    assert other != anchor
    with to(muster_server, restore=False) as connector:
        assert connector.schema().types["user"].restored_by is None
        assert list(connector.find_deleted("user", [f"anchor-{name}"])) == []


def test_values_come_and_go_one_by_one(muster_server: MusterServer, graph: Graph) -> None:
    name = fresh()
    (anchor,) = people(muster_server, name, proxyAddresses=[f"SMTP:{name}@acme.example", f"smtp:{name}.2@acme.example"])
    change = update(anchor, {"jobTitle": "Chef"})
    change.add = {"proxyAddresses": [f"smtp:{name}.3@acme.example"]}
    change.remove = {"proxyAddresses": [f"smtp:{name}.2@acme.example"]}
    assert one(to(muster_server), change).result is Result.DONE
    shown = graph("GET", f"/users/{anchor}?$select=proxyAddresses,jobTitle,mail")
    assert shown["proxyAddresses"] == [f"SMTP:{name}@acme.example", f"smtp:{name}.3@acme.example"]
    assert (shown["jobTitle"], shown["mail"]) == ("Chef", f"{name}@acme.example")


# --- groups


def test_a_security_group_unless_it_says_otherwise(muster_server: MusterServer, graph: Graph) -> None:
    plain = one(to(muster_server), create(1, team(fresh()), "group"))
    unified = one(to(muster_server), create(1, team(fresh(), groupTypes=["Unified"]), "group"))
    select = "?$select=mailEnabled,securityEnabled,mail"
    shown = [graph("GET", f"/groups/{found.anchor}{select}") for found in (plain, unified)]
    assert [(found["mailEnabled"], found["securityEnabled"]) for found in shown] == [(False, True), (True, False)]
    assert unified.values["mail"] == shown[1]["mail"]


def test_members_and_owners_of_every_kind(muster_server: MusterServer, graph: Graph) -> None:
    first, second, third = people(muster_server, fresh(), fresh(), fresh())
    inner = str(one(to(muster_server), create(1, team(fresh()), "group")).anchor)
    device = str(one(to(muster_server), create(1, computer(4711), "device")).anchor)
    change = create(1, team(fresh()), "group")
    change.edges = iter([EdgeChange("members", [first, inner, device], []), EdgeChange("owners", [second, third], [])])
    group = str(one(to(muster_server), change).anchor)
    read = pages(to(muster_server), "group", "members", "owners")
    told = {edge.attribute: set(edge.values) for edge in edges(read) if edge.anchor == group}
    assert told == {"members": {first, inner, device}, "owners": {second, third}}
    assert all(edge.whole and edge.last for edge in edges(read))

    since = watermark(read)
    graph("DELETE", f"/groups/{group}/members/{first}/$ref")
    graph("POST", f"/groups/{group}/members/$ref", {"@odata.id": f"{muster_server.graph}/directoryObjects/{second}"})
    written(to(muster_server), update(group, kind="group", edges=iter([EdgeChange("owners", [], [third])])))
    told_since = [
        (edge.attribute, edge.values, edge.removed, edge.whole)
        for edge in edges(pages(to(muster_server), "group", "members", "owners", since=since))
        if edge.anchor == group
    ]
    assert sorted(told_since) == [("members", [second], [first], False), ("owners", [], [third], False)]


def test_a_member_that_is_not_there_is_named_and_the_others_are_written(
    muster_server: MusterServer, graph: Graph
) -> None:
    anchors = people(muster_server, *(fresh() for _ in range(30)))
    group = str(one(to(muster_server), create(1, team(fresh()), "group")).anchor)
    nobody = "00000000-0000-4000-8000-000000000000"
    wanted = [*anchors[:15], nobody, *anchors[15:], group]
    outcome = one(to(muster_server), update(group, kind="group", edges=iter([EdgeChange("members", wanted, [nobody])])))
    assert outcome.result is Result.REJECTED
    assert f"members {nobody} is not in the directory" in outcome.reason
    assert "A group cannot be a member of itself" in outcome.reason
    assert {one["id"] for one in graph("GET", f"/groups/{group}/members?$top=999")["value"]} == set(anchors)
    gone = update(nobody, kind="group", edges=iter([EdgeChange("members", anchors[:2], anchors[2:4])]))
    assert one(to(muster_server), gone).result is Result.GONE


def test_references_are_read_only_where_they_are_wanted(muster_server: MusterServer) -> None:
    read = pages(to(muster_server), "group", "displayName")
    assert edges(read) == []
    since = watermark(read)
    with pytest.raises(WatermarkExpired, match="did not ask for all"):
        pages(to(muster_server), "group", "displayName", "members", since=since)


# --- sessions, rights, actions


def test_check_names_what_the_application_lacks(muster_server: MusterServer) -> None:
    few = muster_server.muster("directory", "app", "add", fresh(), "--permission", "User.Read.All")
    with to(muster_server, few) as connector:
        health = connector.check()
    assert not health.ok
    assert "group: reading needs GroupMember.Read.All: grant it to the application, and consent to it" in health.missing
    assert not any(words.startswith("user: reading") for words in health.missing)
    assert any(words.startswith("user: writing needs User.ReadWrite.All") for words in health.missing)
    with to(muster_server) as connector:
        health = connector.check()
    assert (health.ok, health.missing) == (True, ())
    assert muster_server.graph in health.message


def test_what_the_application_may_not_write_is_rejected_with_advice(muster_server: MusterServer) -> None:
    reader = muster_server.muster("directory", "app", "add", fresh(), "--read-only")
    (anchor,) = people(muster_server, fresh())
    outcome = one(to(muster_server, reader), update(anchor, {"jobTitle": "x"}))
    assert outcome.result is Result.REJECTED
    assert "Grant the application the right to write this" in outcome.reason


def test_sessions_end_and_passes_are_given(muster_server: MusterServer, graph: Graph) -> None:
    (anchor,) = people(muster_server, fresh())
    with Guard(to(muster_server), system="cloud") as guard:
        before = graph("GET", f"/users/{anchor}?$select=signInSessionsValidFromDateTime")
        revoked = guard.act("user", anchor, "revoke sessions", {}, "1")
        after = graph("GET", f"/users/{anchor}?$select=signInSessionsValidFromDateTime")
        given = guard.act("user", anchor, "temporary access pass", {"lifetimeInMinutes": 60}, "2")
        wrong = guard.act("user", anchor, "temporary access pass", {"lifetime": 60}, "3")
        short = guard.act("user", anchor, "temporary access pass", {"lifetimeInMinutes": 1}, "4")
        unknown = guard.act("group", anchor, "revoke sessions", {}, "5")
        gone = guard.act("user", "00000000-0000-4000-8000-000000000000", "revoke sessions", {}, "6")
    assert (revoked.result, before == after) == (Result.DONE, False)
    assert (given.result, isinstance(given.secret, Secret)) == (Result.DONE, True)
    assert given.secret is not None
    assert given.secret.reveal() not in repr(given)
    results: list[Outcome] = [wrong, short, unknown, gone]
    assert [found.result for found in results] == [Result.REJECTED] * 3 + [Result.GONE]
    assert "there is no parameter 'lifetime'; known: lifetimeInMinutes" in wrong.reason
    assert "temporary access pass: Graph answered 400" in short.reason


def test_when_the_server_dies_every_change_has_an_outcome() -> None:
    with MusterServer() as server:
        mark = fresh()

        def changes() -> Iterable[Change]:
            for n in range(1, 301):
                if n == 150:
                    server.kill()
                yield hired(f"{mark}{n}", n, employeeId=str(n))

        with Guard(to(server), system="cloud") as guard:
            outcomes = list(guard.write(changes()))
            assert guard.broken is not None
    assert sorted(found.key for found in outcomes) == list(range(1, 301))
    assert {found.result for found in outcomes} == {Result.DONE, Result.RETRY}


def test_a_directory_that_is_slow_down_is_waited_for() -> None:
    with MusterServer(rate=30) as server:
        outcomes = written(to(server), *[hired(f"{fresh()}", n) for n in range(60)])
    assert {found.result for found in outcomes.values()} == {Result.DONE}


def test_a_leaver_is_disabled_even_where_an_address_of_the_same_change_is_refused(
    muster_server: MusterServer, graph: Graph
) -> None:
    name = fresh()
    one_address = f"smtp:{name}@acme.example"
    other, leaver = people(muster_server, fresh(), fresh())
    assert one(to(muster_server), update(other, {"proxyAddresses": [one_address]})).result is Result.DONE
    change = update(leaver, {ENABLED: False, "proxyAddresses": [one_address], "jobTitle": "Gone"})
    change.action = Action.DISABLE
    with Guard(to(muster_server), system="cloud") as guard:
        (outcome,) = guard.write([change])
    assert (outcome.result, outcome.written) == (Result.REJECTED, {ENABLED: False})
    assert "proxyAddresses" in outcome.reason
    shown = graph("GET", f"/users/{leaver}?$select=accountEnabled,jobTitle")
    assert (shown["accountEnabled"], shown["jobTitle"]) == (False, "Engineer")
