"""Two servers compared: the same, different, in one alone; and who is who where ids differ."""

from __future__ import annotations

from typing import Any

from muster.app.comparing import compare
from muster.app.picture import Picture

APP = ("app", "account")


def change(
    identity: str | None, anchor: str | None = None, action: str = "update", **attributes: Any
) -> dict[str, Any]:
    """A change of an account, as a plan shows it; each attribute is what it becomes."""
    return {
        "id": 1,
        "system": "app",
        "object_type": "account",
        "action": action,
        "anchor": anchor,
        "identity": identity,
        "name": None,
        "attributes": {
            name: found if isinstance(found, dict) else {"from": None, "to": found}
            for name, found in attributes.items()
        },
        "reason": {"mapping": "mappings/app.yaml", "line": 1, "rule": "flow", "source": None},
        "mapping": "app",
    }


def server(
    changes: list[dict[str, Any]], joined: dict[str, str | None], role: str = "staging", **more: list[dict[str, Any]]
) -> Picture:
    """A server with these accounts, by anchor, and what it would do; everybody is called as their id, in capitals."""
    return {
        "project": "acme",
        "folder": f"/{role}",
        "at": "2026-11-24T08:00:00Z",
        "server": {"role": role, "staging": role == "staging", "decided": None},
        "plan": {"changes": changes, "held": [], "errors": [], "notes": [], **more},
        "spaces": [list(APP)],
        "objects": [[*APP, anchor, uid] for anchor, uid in joined.items()],
        "identities": {uid: {"type": "person", "name": uid.upper()} for uid in joined.values() if uid is not None},
    }


def active(changes: list[dict[str, Any]], joined: dict[str, str | None], **more: list[dict[str, Any]]) -> Picture:
    """The server that writes."""
    return server(changes, joined, "active", **more)


def counts(document: dict[str, Any]) -> tuple[int, int, int, int]:
    """Both, differing, only staging, only active."""
    found = document["summary"].get("app", {})
    return tuple(found.get(kind, 0) for kind in ("both", "differing", "only_staging", "only_active"))


def test_what_both_would_make_is_the_same_whatever_the_reason_and_the_order_of_values() -> None:
    ours = change("a", "1", mail="new", groups={"add": ["y", "x"], "remove": []})
    theirs = change("a", "1", groups={"add": ["x", "y"], "remove": []}, mail={"from": "older", "to": "new"})
    theirs["reason"] = {"mapping": "mappings/app.yaml", "line": 9, "rule": "flow", "source": None}
    document = compare(server([ours], {"1": "a"}), active([theirs], {"1": "a"}))
    assert (counts(document), document["both"]) == ((1, 0, 0, 0), [ours])


def test_only_the_attributes_that_would_differ_are_told_with_both_changes() -> None:
    ours, theirs = change("a", "1", mail="x", name="n"), change("a", "1", mail="y", name="n", phone="2")
    document = compare(server([ours], {"1": "a"}), active([theirs], {"1": "a"}))
    assert counts(document) == (0, 1, 0, 0)
    (pair,) = document["differing"]
    assert pair["attributes"] == {
        "mail": {"staging": {"from": None, "to": "x"}, "active": {"from": None, "to": "y"}},
        "phone": {"staging": None, "active": {"from": None, "to": "2"}},
    }
    assert (pair["staging"], pair["active"]) == (ours, theirs)


def test_another_action_for_the_same_person_differs_though_no_attribute_does() -> None:
    document = compare(
        server([change("a", "1", "disable")], {"1": "a"}), active([change("a", "1", "delete")], {"1": "a"})
    )
    assert (counts(document), document["differing"][0]["attributes"]) == ((0, 1, 0, 0), {})


def test_what_one_alone_would_make_is_told_of_that_one() -> None:
    document = compare(
        server([change("a", "1", mail="x")], {"1": "a", "2": "b"}),
        active([change("b", "2", mail="y")], {"1": "a", "2": "b"}),
    )
    assert counts(document) == (0, 0, 1, 1)
    assert [found["anchor"] for found in (document["only_staging"] + document["only_active"])] == ["1", "2"]


def test_people_with_other_ids_are_the_same_where_they_hold_the_same_objects() -> None:
    ours, theirs = change("s", None, "create", mail="x"), change("t", None, "create", mail="x")
    document = compare(server([ours], {"1": "s"}), active([theirs], {"1": "t"}))
    assert (counts(document), document["joins"]) == ((1, 0, 0, 0), [])


def test_a_stranger_with_the_id_of_somebody_else_is_not_taken_for_them() -> None:
    """The identity "a" of staging holds another's object; who is "a" for the active one is somebody else."""
    document = compare(
        server([change("a", "2", mail="x"), change("b", "1", mail="x")], {"1": "b", "3": "b", "2": "a"}),
        active([change("a", "1", mail="x")], {"1": "a", "3": "a"}),
    )
    assert counts(document) == (1, 0, 1, 0)
    assert document["both"][0]["identity"] == "b"


def test_objects_that_the_servers_join_otherwise_are_named_with_both_people() -> None:
    document = compare(
        server([], {"1": "a", "2": "a", "3": "b", "4": None, "5": "b"}),
        active([], {"1": "a", "2": "b", "3": "b", "4": "a", "5": "b"}),
    )
    assert [(found["kind"], found["anchor"], found["message"]) for found in document["joins"]] == [
        ("other-identity", "2", "app/account 2: staging joins it to A (a); the active one joins it to B (b)"),
        ("only-active", "4", "app/account 4: staging joins it to nobody; the active one joins it to A (a)"),
    ]
    assert document["joins"][1]["active"] == {"identity": "a", "name": "A"}


def test_an_identity_of_one_server_alone_and_its_objects_are_told() -> None:
    document = compare(server([], {"1": "a"}), active([], {"1": "a", "2": "z"}))
    assert [found["message"] for found in document["joins"]] == [
        "app/account 2: staging has no such object; the active one joins it to Z (z)",
        "person Z (z): an identity in the active one and not in staging",
    ]


def test_what_one_server_alone_takes_part_in_is_a_note_not_a_disagreement_for_each_object() -> None:
    ours = server([], {"1": "a"})
    ours["spaces"].append(["crm", "contact"])
    ours["objects"].append(["crm", "contact", "9", "a"])
    document = compare(ours, active([], {"1": "a"}))
    assert document["joins"] == []
    assert [note["kind"] for note in document["notes"]] == ["not-compared"]


def test_problems_say_whose_they_are_and_two_active_servers_are_one() -> None:
    problem: dict[str, Any] = {
        "kind": "deletes",
        "system": "app",
        "object_type": "",
        "anchor": None,
        "identities": [],
        "message": "m",
    }
    document = compare(active([], {}, held=[problem]), active([], {}, errors=[problem]))
    assert [found["server"] for found in document["held"]] == ["staging"]
    assert [(found["kind"], found["server"]) for found in document["errors"]] == [
        ("two-active", "staging"),
        ("deletes", "active"),
    ]
