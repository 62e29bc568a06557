"""What a synchronizationJob, and the secrets list beside it, say about how the mappings run.

https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjob; the list of
PUT …/synchronization/secrets holds SyncAll, SkipOutOfScopeDeletions and the like among passwords and tokens, which are
never looked at.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from muster.migration.outcome import Imported
from muster.model.errors import ProjectError

_SETTINGS: Final = frozenset(
    {
        "SyncAll",
        "SkipOutOfScopeDeletions",
        "SyncNotificationSettings",
        "QuarantineTooManyDeletesThreshold",
        "HardDeletesEnabled",
    }
)
_INTERVAL: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:[\d.]+S)?)?")


@dataclass(frozen=True, slots=True)
class Job:
    """`everyone` None: the document does not say whether only assigned users and groups take part."""

    everyone: bool | None = None
    skip_out_of_scope: bool = False
    deletes: int | None = None
    notify: str | None = None
    minutes: int | None = None
    paused: bool = False


def read_job(document: Any, file: str) -> Job:
    """The job of a document: one job, a list of one, or a list of secrets; several may stand in one list."""
    found = _parts(document)
    if not found:
        raise ProjectError(
            f"{file} is no synchronizationJob and no list of settings. "
            "Save the answer of GET …/synchronization/jobs/{id}."
        )
    settings: dict[str, str] = {}
    minutes, paused, notify = None, False, None
    for part in found:
        for key, value in _pairs(part):
            settings[key] = value
        schedule = part.get("schedule") or {}
        minutes = _minutes(str(schedule.get("interval") or "")) or minutes
        code = (part.get("status") or {}).get("code")
        paused = paused or schedule.get("state") in {"Disabled", "Paused"} or code in {"Paused", "Quarantine"}
        notify = _recipient(part.get("syncNotificationSettings")) or notify
    everyone = settings.get("SyncAll")
    deletes = settings.get("QuarantineTooManyDeletesThreshold", "")
    return Job(
        everyone=None if everyone is None else _true(everyone),
        skip_out_of_scope=_true(settings.get("SkipOutOfScopeDeletions", "")),
        deletes=int(deletes) if deletes.isdecimal() else None,
        notify=_recipient(settings.get("SyncNotificationSettings")) or notify,
        minutes=minutes,
        paused=paused,
    )


def left_of_job(job: Job, system: str, imported: Imported) -> None:
    """Say what of the job belongs into files that are not mappings."""
    if job.minutes is not None:
        imported.leave(
            f"schedule (every {job.minutes} minutes)",
            "one schedule runs the whole project",
            f"say `schedule: every {job.minutes} minutes` in muster.yaml",
        )
    if job.deletes is not None:
        imported.leave(
            f"accidental-deletion limit ({job.deletes})",
            "limits belong to the system",
            f"say `safety: {{deletes: {job.deletes}}}` in systems/{system}.yaml",
        )
    if job.notify is not None:
        imported.leave(
            "notification e-mail", "it is no part of a mapping", f"watch the exit code of `muster run` for {job.notify}"
        )
    if job.paused:
        imported.leave(
            "the job is not running",
            "whether a system is paused is no file's matter",
            f"muster job pause {system}, before the first run, until it may write",
        )


def _parts(document: Any) -> list[dict[str, Any]]:
    if isinstance(document, dict):
        inner = document.get("value")
        if isinstance(inner, list | dict) and "key" not in document:
            return _parts(inner)
        known = {"schedule", "status", "synchronizationJobSettings", "syncNotificationSettings", "templateId", "key"}
        return [document] if known & document.keys() else []
    if isinstance(document, list):
        return [part for item in document for part in _parts(item)]
    return []


def _pairs(part: dict[str, Any]) -> list[tuple[str, str]]:
    """The settings that are looked at: names and values of a job's settings, keys and values of secrets."""
    found = [part, *(part.get("synchronizationJobSettings") or [])]
    pairs = [(str(one.get("key", one.get("name"))), one.get("value")) for one in found if isinstance(one, dict)]
    return [(key, str(value)) for key, value in pairs if key in _SETTINGS and value is not None]


def _true(value: str) -> bool:
    return value.strip().lower() in {"true", "1"}


def _minutes(interval: str) -> int | None:
    """ISO 8601; what Graph answers for a job that has no schedule is longer than a month, and is none."""
    found = _INTERVAL.fullmatch(interval)
    if found is None:
        return None
    days, hours, minutes = (int(part or 0) for part in found.groups())
    total = (days * 24 + hours) * 60 + minutes
    return total if 0 < total <= 31 * 24 * 60 else None


def _recipient(value: Any) -> str | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if not isinstance(value, dict) or not _true(str(value.get("enabled", value.get("Enabled", "")))):
        return None
    found = value.get("recipients", value.get("Recipients"))
    return str(found) if found else None
