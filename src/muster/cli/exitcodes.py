"""What the exit code says to the program that called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

DONE: Final = 0
"""Done, nothing left to do."""
WRONG: Final = 1
"""Something is wrong; standard error says what."""
CHANGES: Final = 2
"""`plan` found changes, `staging diff` differences."""
HELD: Final = 3
"""Held back by a safety limit or waiting for a decision. Wins over the others."""


def of_plan(document: Mapping[str, Any]) -> int:
    """The exit code of a plan."""
    if document.get("held"):
        return HELD
    if document.get("errors"):
        return WRONG
    return CHANGES if document.get("changes") else DONE


def of_difference(document: Mapping[str, Any]) -> int:
    """The exit code of two servers compared: 0 when they would do the same and agree who is who."""
    if document.get("held"):
        return HELD
    if document.get("errors"):
        return WRONG
    different = ("differing", "only_staging", "only_active", "joins")
    return CHANGES if any(document.get(key) for key in different) else DONE


def of_status(document: Mapping[str, Any]) -> int:
    """The exit code of how things stand: what the last run could not do is wrong until a run can."""
    if document.get("cases") or document.get("held"):
        return HELD
    return WRONG if document.get("errors") else DONE


def of_result(document: Mapping[str, Any]) -> int:
    """The exit code of changes that were made: a stale one is left to do, so it is not done."""
    if document.get("held"):
        return HELD
    return WRONG if document.get("errors") or document.get("stale") else DONE


def of_provision(document: Mapping[str, Any]) -> int:
    """The exit code of provisioning on demand; with a dry run, whether there would be something to write."""
    if document.get("held"):
        return HELD
    failed = any(step["status"] == "failure" for one in document["objects"] for step in one["steps"])
    if document.get("errors") or failed:
        return WRONG
    return CHANGES if document["dry_run"] and any(one.get("changes") for one in document["objects"]) else DONE
