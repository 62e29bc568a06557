"""Whom two servers take each object for. Their identities are the same where they hold the same objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muster.app.picture import Picture
from muster.sync.problems import who_is

Place = tuple[str, str, str]
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Same:
    """Which identity of the active server is the same person as one in staging: public id → public id."""

    active: Mapping[str, str] = field(default_factory=dict)

    def of(self, uid: str | None) -> str | None:
        """The active server's id of somebody; of somebody whom it does not know, an id that is nobody's there."""
        if uid is None or uid in self.active:
            return self.active.get(uid or "")
        return f"{uid} (staging)"


def same_people(staging: Picture, active: Picture) -> Same:
    """Who is who. Those who share most objects come first, then those of the same id; nobody is taken twice."""
    here, there = _objects(staging), _objects(active)
    shared = Counter(
        (mine, theirs) for place, mine in here.items() if mine is not None and (theirs := there.get(place)) is not None
    )
    shared.update({(uid, uid): 0 for uid in staging["identities"] if uid in active["identities"]})
    found: dict[str, str] = {}
    taken: set[str] = set()
    for mine, theirs in sorted(shared, key=lambda pair: (-shared[pair], pair[0] != pair[1], pair)):
        if mine not in found and theirs not in taken:
            found[mine] = theirs
            taken.add(theirs)
    return Same(found)


def join_differences(staging: Picture, active: Picture, people: Same) -> tuple[list[Entry], list[Entry]]:
    """Objects and identities about which the servers disagree; and notes of what only one of them reads.

    Of an object that both know: it is somebody's for one and nobody's, or somebody else's, for the other. Of an object
    that one alone knows and has joined: one read it later. Of an identity: the other has nobody of whom it could be.
    """
    common = {tuple(space) for space in staging["spaces"]} & {tuple(space) for space in active["spaces"]}
    here, there = _objects(staging), _objects(active)
    found = []
    for place in sorted(here.keys() | there.keys()):
        if place[:2] not in common:
            continue
        mine, theirs = here.get(place), there.get(place)
        if people.of(mine) == theirs:
            continue
        entry = {
            "kind": "other-identity" if mine and theirs else "only-staging" if mine else "only-active",
            "system": place[0],
            "object_type": place[1],
            "anchor": place[2],
            "staging": _whose(staging, mine),
            "active": _whose(active, theirs),
        }
        sides = f"{_said(staging, place, here, 'staging')}; {_said(active, place, there, 'the active one')}"
        found.append({**entry, "message": f"{place[0]}/{place[1]} {place[2]}: {sides}"})
    found.extend(_nobody(staging, "only-staging", set(people.active), "in staging and not in the active one"))
    found.extend(_nobody(active, "only-active", set(people.active.values()), "in the active one and not in staging"))
    return found, _unread(staging, active, common)


def _objects(found: Picture) -> dict[Place, str | None]:
    return {(system, kind, anchor): uid for system, kind, anchor, uid in found["objects"]}


def _whose(found: Picture, uid: str | None) -> Entry | None:
    return {"identity": uid, "name": found["identities"][uid]["name"]} if uid is not None else None


def _said(found: Picture, place: Place, objects: Mapping[Place, str | None], server: str) -> str:
    if place not in objects:
        return f"{server} has no such object"
    uid = objects[place]
    if uid is None:
        return f"{server} joins it to nobody"
    return f"{server} joins it to {_named(found, uid)}"


def _named(found: Picture, uid: str) -> str:
    return who_is(uid, {"displayName": found["identities"][uid]["name"]})


def _nobody(found: Picture, kind: str, known: set[str], where: str) -> list[Entry]:
    """The identities that the other server has no counterpart of."""
    return [
        {
            "kind": kind,
            "system": None,
            "object_type": None,
            "anchor": None,
            "staging": _whose(found, uid) if kind == "only-staging" else None,
            "active": _whose(found, uid) if kind == "only-active" else None,
            "message": f"{about['type']} {_named(found, uid)}: an identity {where}",
        }
        for uid, about in sorted(found["identities"].items())
        if uid not in known
    ]


def _unread(staging: Picture, active: Picture, common: set[tuple[Any, ...]]) -> list[Entry]:
    """What one server alone takes part in: its objects are compared with nothing."""
    return [
        {
            "kind": "not-compared",
            "system": system,
            "object_type": kind,
            "anchor": None,
            "identities": [],
            "message": f"{system}/{kind}: has a mapping in {where} alone; who is joined there is not compared",
        }
        for found, where in ((staging, "staging"), (active, "the active one"))
        for system, kind in found["spaces"]
        if (system, kind) not in common
    ]
