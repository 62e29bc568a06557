"""Licences: what the organisation has, and who was assigned which."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from muster.directory.errors import Invalid
from muster.directory.objects import Entry, change
from muster.directory.work import Work


@dataclass(frozen=True, slots=True)
class Sku:
    """A product: `part` is its part number, `units` how many there are, `plans` its service plans by id."""

    id: str
    part: str
    units: int
    used: int
    plans: dict[str, str]


def skus(work: Work) -> list[Sku]:
    """Everything the organisation has, by part number."""
    rows = work.session.rows("SELECT id, part, units, used, plans FROM dir_sku ORDER BY part")
    return [Sku(number, part, units, used, orjson.loads(plans)) for number, part, units, used, plans in rows]


def set_sku(work: Work, part: str, units: int, plans: Sequence[str] = ()) -> Sku:
    """Say how many units of a product there are; a new product gets an id. Raises `Invalid`."""
    known = next((one for one in skus(work) if one.part.lower() == part.lower()), None)
    if known is not None and units < known.used:
        raise Invalid(f"{known.used} licences of {part} are assigned; there cannot be fewer.", "units")
    names = {name: number for number, name in known.plans.items()} if known else {}
    wanted = {names.get(name) or str(uuid.uuid4()): name for name in plans} or (known.plans if known else {})
    number = known.id if known else str(uuid.uuid4())
    columns = ("id", "part", "units", "plans", "used")
    row = (number, part, units, orjson.dumps(wanted).decode(), 0)
    work.session.upsert("dir_sku", columns, ("id",), [row], keep=("used",))
    return Sku(number, part, units, known.used if known else 0, wanted)


def assign(work: Work, user: Entry, add: Sequence[dict[str, Any]], remove: Sequence[str]) -> Entry:
    """Assign and take away licences, all or none. Raises `Invalid`, `NotFound`."""
    if not user.doc.get("usageLocation") and add:
        raise Invalid("License assignment cannot be done for user with invalid usage location.", "usageLocation")
    known = {sku.id: sku for sku in skus(work)}
    held = {one["skuId"]: one for one in user.doc.get("assignedLicenses") or ()}
    for number in remove:
        if number not in held:
            raise Invalid(f"User does not have a corresponding license. ({number})", "removeLicenses")
        del held[number]
        _give_back(work, number, user.id)
    for one in add:
        number = one["skuId"]
        sku = known.get(number)
        if sku is None:
            raise Invalid(f"License {number} does not correspond to a valid company License.", "addLicenses")
        disabled = list(one.get("disabledPlans") or ())
        strange = [plan for plan in disabled if plan not in sku.plans]
        if strange:
            raise Invalid(f"Service plan {strange[0]} is not part of license {sku.part}.", "disabledPlans")
        if number not in held:
            if sku.used >= sku.units:
                raise Invalid(f"Subscription with SKU {number} does not have any available licenses.", "addLicenses")
            _take(work, number, user.id)
        held[number] = {"skuId": number, "disabledPlans": disabled}
    doc = {**user.doc, "assignedLicenses": list(held.values())}
    if not held:
        del doc["assignedLicenses"]
    return change(work, user, doc)


def release(work: Work, old: Entry) -> None:
    """An object is deleted: its licences can be assigned to others."""
    for one in old.doc.get("assignedLicenses") or ():
        _give_back(work, one["skuId"], old.id)


def reclaim(work: Work, number: int, doc: dict[str, Any]) -> None:
    """A deleted object is back: it has its licences again, as far as there are any left."""
    held = doc.pop("assignedLicenses", None) or ()
    free = {one.id for one in skus(work) if one.used < one.units}
    kept = [one for one in held if one["skuId"] in free]
    for one in kept:
        _take(work, one["skuId"], number)
    if kept:
        doc["assignedLicenses"] = kept


def _take(work: Work, sku: str, number: int) -> None:
    work.session.run("INSERT INTO dir_licence (sku, object) VALUES (?, ?)", sku, number)
    work.session.run("UPDATE dir_sku SET used = used + 1 WHERE id = ?", sku)


def _give_back(work: Work, sku: str, number: int) -> None:
    if work.session.run("DELETE FROM dir_licence WHERE sku = ? AND object = ?", sku, number):
        work.session.run("UPDATE dir_sku SET used = used - 1 WHERE id = ?", sku)
