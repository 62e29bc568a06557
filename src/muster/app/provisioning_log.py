"""`muster log --provisioning`: what was done to single objects, as Microsoft Graph's provisioningObjectSummary.

https://learn.microsoft.com/graph/api/resources/provisioningobjectsummary. Everything comes from the audit trail and the
log of runs; newest first, and no further back than is asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from muster.app.finding import find_identity
from muster.app.skipped import skipped
from muster.app.standing import ON_DEMAND
from muster.model.errors import NotFound
from muster.model.secrets import HIDDEN, secret_name
from muster.model.values import instant_text
from muster.project.configuration import Project
from muster.store.audit import EXPORT, RECOVER, is_erased
from muster.store.database import Database, Session, chunks
from muster.store.names import Names
from muster.sync.clock import moment
from muster.sync.plan_document import names_of
from muster.sync.queue.changes import DONE, PLANNED

_NAMESPACE: Final = uuid.UUID("8b1d9b0e-6c0a-5c9f-9a53-0f7c9b7f4f8e")
_RECORDS: Final = 20
"""Records of the audit trail that are looked at together."""
_MOST_MEMBERS: Final = 100
"""Members of a large reference that are shown of one change."""
_COLUMNS: Final = (
    "c.id, c.space, c.mapping, c.identity, c.action, c.anchor, p.doc, i.uid, c.state, c.reason, c.at, a.run, a.what, "
    "r.verb, r.made_by"
)
_FROM: Final = (
    "change c JOIN payload p ON p.change = c.id JOIN audit a ON a.seq = c.sealed "
    "LEFT JOIN identity i ON i.id = c.identity LEFT JOIN run r ON r.id = a.run"
)
_TYPES: Final = {"create": "Add", "update": "Update", "disable": "Update", "delete": "Delete"}

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for; `since` in microseconds."""

    limit: int = 20
    system: str | None = None
    who: str | None = None
    run: int | None = None
    failed: bool = False
    since: int | None = None
    staged: bool = False
    """Instead: the deletes and disables that a safety limit holds back."""
    skipped: bool = False
    """Instead: who is passed over, and why (`skipped`)."""


def provisioning_log(project: Project, database: Database, wanted: Wanted, now: int) -> list[dict[str, Any]]:
    """The entries, newest first. Raises `NotFound` for a system that there is not, and for nobody."""
    if wanted.system is not None and wanted.system not in project.systems:
        raise NotFound(f"There is no system {wanted.system!r}. Known: {', '.join(sorted(project.systems))}")
    if wanted.skipped:
        return skipped(
            project,
            database,
            system=wanted.system,
            who=wanted.who,
            since=wanted.since,
            limit=wanted.limit,
            now=now,
        )
    number = find_identity(database, wanted.who) if wanted.who is not None else None
    names = Names(database)
    with database.read() as session:
        spaces = {space: key for key, space in names.spaces().items()}
        own = [space for space, (system, _) in spaces.items() if wanted.system in (None, system)]
        if wanted.staged:
            held = _held(session)
            stopped = [space for space in own if spaces[space][0] in held]
            rows = _staged(session, stopped, number, wanted.limit)
            return _Entries(project, session, names, spaces, held).entries(rows)
        rows = _of_identity(session, number, own, wanted) if number is not None else _of_all(session, own, wanted)
        return _Entries(project, session, names, spaces, {}).entries(rows)


def _held(session: Session) -> dict[str, str]:
    """The systems whose deletes the last run held back, and what it said of them."""
    last = session.value("SELECT MAX(id) FROM run WHERE ended IS NOT NULL AND verb <> ?", ON_DEMAND)
    kinds = "level = 'held' AND kind IN ('deletes', 'percent')"
    return dict(session.rows(f"SELECT system, message FROM problem WHERE run = ? AND {kinds}", last or 0))


def _staged(session: Session, spaces: Sequence[int], number: int | None, limit: int) -> list[Row]:
    chosen, given = ("", []) if number is None else (" AND c.identity = ?", [number])
    return session.rows(
        "SELECT c.id, c.space, c.mapping, c.identity, c.action, c.anchor, p.doc, i.uid, c.state, c.reason, r.started, "
        "c.run, '', r.verb, NULL FROM change c JOIN payload p ON p.change = c.id "
        "LEFT JOIN identity i ON i.id = c.identity LEFT JOIN run r ON r.id = c.run "
        f"WHERE c.state = {PLANNED} AND c.space IN ?i AND c.action IN ('delete', 'disable'){chosen} "
        "ORDER BY c.id LIMIT ?",
        list(spaces),
        *given,
        limit,
    )


def _conditions(wanted: Wanted) -> tuple[str, list[Any]]:
    text, given = "", []
    if wanted.failed:
        text += f" AND c.state <> {DONE}"
    if wanted.since is not None:
        text, given = f"{text} AND c.at >= ?", [wanted.since]
    return text, given


def _of_identity(session: Session, number: int, spaces: Sequence[int], wanted: Wanted) -> list[Row]:
    more, given = _conditions(wanted)
    run = "" if wanted.run is None else f" AND a.run = {int(wanted.run)}"
    return session.rows(
        f"SELECT {_COLUMNS} FROM {_FROM} WHERE c.identity = ? AND c.space IN ?i{more}{run} "
        "ORDER BY c.sealed DESC, c.id DESC LIMIT ?",
        number,
        list(spaces),
        *given,
        wanted.limit,
    )


def _of_all(session: Session, spaces: Sequence[int], wanted: Wanted) -> list[Row]:
    """The newest changes, record by record of the audit trail, until there are enough."""
    more, given = _conditions(wanted)
    found: list[Row] = []
    for records in _records(session, wanted):
        found += session.rows(
            f"SELECT {_COLUMNS} FROM {_FROM} WHERE c.sealed IN ?i AND c.space IN ?i{more} "
            "ORDER BY c.sealed DESC, c.id DESC LIMIT ?",
            records,
            list(spaces),
            *given,
            wanted.limit - len(found),
        )
        if len(found) >= wanted.limit:
            break
    return found


def _records(session: Session, wanted: Wanted) -> Iterator[list[int]]:
    """The numbers of records that seal changes, newest first."""
    after = None
    whats = [f"{kind} {wanted.system or '%'}" for kind in (EXPORT, RECOVER)]
    while True:
        rows = session.rows(
            "SELECT seq, at, run FROM audit WHERE seq < ? AND (what LIKE ? OR what LIKE ?) ORDER BY seq DESC LIMIT ?",
            after if after is not None else 1 << 62,
            *whats,
            _RECORDS,
        )
        if not rows:
            return
        after = rows[-1][0]
        chosen = [seq for seq, at, run in rows if wanted.run in (None, run) and (wanted.since or 0) <= at]
        if chosen:
            yield chosen
        if (wanted.since is not None and rows[-1][1] < wanted.since) or (
            wanted.run is not None and rows[-1][2] < wanted.run
        ):
            return


class _Entries:
    """Turns rows into entries."""

    def __init__(
        self,
        project: Project,
        session: Session,
        names: Names,
        spaces: Mapping[int, tuple[str, str]],
        held: Mapping[str, str],
    ) -> None:
        self.held = held
        self.project = project
        self.session = session
        self.names = names
        self.spaces = spaces

    def entries(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Each row as an entry, in their order."""
        people = names_of(self.session, [row[3] for row in rows])
        members = self._members([row[0] for row in rows])
        times = self._times({(row[11], self.spaces[row[1]][0]) for row in rows})
        return [self._entry(row, people.get(row[3]), members.get(row[0], []), times) for row in rows]

    def _members(self, changes: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """What each change added to and removed from large references: the first of each."""
        found: dict[int, list[dict[str, Any]]] = {}
        for number in changes:
            for attribute, text, remove in self.session.rows(
                "SELECT attribute, text, remove FROM edge_change WHERE change = ? ORDER BY attribute, text LIMIT ?",
                number,
                _MOST_MEMBERS,
            ):
                old, new = (text, None) if remove else (None, text)
                found.setdefault(number, []).append(
                    {"displayName": self.names.text(attribute), "oldValue": old, "newValue": new}
                )
        return found

    def _times(self, steps: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """How long one change of an export took, on average: its step's time, shared by its changes. Milliseconds."""
        found: dict[tuple[int, str], int] = {}
        for numbers in chunks(sorted({run for run, _ in steps})):
            taken: dict[tuple[int, str], list[int]] = {}
            for run, system, micros, counts in self.session.rows(
                "SELECT run, system, seconds, counts FROM step WHERE name = 'export' AND run IN ?i", numbers
            ):
                counted = orjson.loads(counts)
                total = taken.setdefault((run, system), [0, 0])
                total[0] += micros
                total[1] += counted.get("done", 0) + counted.get("failed", 0)
            found.update({key: round(micros / count / 1000) for key, (micros, count) in taken.items() if count})
        return found

    def _entry(
        self, row: Row, name: str | None, members: list[dict[str, Any]], times: Mapping[tuple[int, str], int]
    ) -> dict[str, Any]:
        number, space, mapping, _, action, anchor, data, uid, state, reason, at, run, what, verb, by = row
        system, kind = self.spaces[space]
        payload: dict[str, Any] = {} if is_erased(data) else orjson.loads(data)
        why = payload.get("reason") or {}
        source = why.get("source") or {}
        done = state == DONE
        recovered = str(what).startswith(RECOVER)
        staged = state == PLANNED
        status = "success" if done else "skipped" if staged else "failure"
        reason = self.held.get(system) if staged else reason
        return {
            "id": str(uuid.uuid5(_NAMESPACE, f"{self.project.name}/{number}")),
            "activityDateTime": instant_text(moment(at or 0)),
            "jobId": f"{self.project.name}.{system}",
            "cycleId": str(run),
            "changeId": str(number),
            "provisioningAction": "stagedDelete" if staged else action,
            "provisioningStatusInfo": {
                "status": status,
                "errorInformation": None if done else _staged_error(reason) if staged else _error(system, reason),
            },
            "provisioningSteps": self._steps(action, system, kind, anchor, why, mapping, status, recovered, reason),
            "sourceIdentity": {
                "id": source.get("anchor") or uid,
                "displayName": name,
                "identityType": source.get("object"),
                "details": {"identity": uid},
            },
            "targetIdentity": {"id": anchor, "displayName": name, "identityType": kind, "details": {}},
            "sourceSystem": {"id": source.get("system"), "displayName": source.get("system"), "details": {}},
            "targetSystem": {
                "id": system,
                "displayName": system,
                "details": {"connector": found.connector} if (found := self.project.systems.get(system)) else {},
            },
            "modifiedProperties": [*_modified(payload), *members],
            "durationInMilliseconds": times.get((run, system)),
            "initiatedBy": {
                "id": by,
                "displayName": by or f"muster {verb or 'run'}",
                "initiatorType": "user" if by else "system",
            },
            "servicePrincipal": {"id": system, "displayName": system},
            "tenantId": self.project.name,
        }

    def _steps(
        self,
        action: str,
        system: str,
        kind: str,
        anchor: str | None,
        why: Mapping[str, Any],
        mapping: int,
        status: str,
        found: bool,
        reason: str | None,
    ) -> list[dict[str, Any]]:
        source = why.get("source") or {}
        read = f"{source['system']}/{source['object']} {source['anchor']}" if source else "no source object"
        there = "none was there" if action == "create" else f"{kind} {anchor}"
        wrote = reason or ("found done after an interruption" if found else "done")
        word = _TYPES[action]
        return [
            _step(f"EntryImport{'' if source else 'None'}", "import", "success", f"read {read}", source),
            _step(
                "EntrySynchronizationScoping",
                "scoping",
                "success",
                f"{why.get('rule') or action}: {why.get('mapping') or ''}:{why.get('line') or ''}",
                {"mapping": self.names.find(mapping), "rule": why.get("rule")},
            ),
            _step("EntryMatch", "matching", "success", f"{system}: {there}", {"anchor": anchor}),
            _step(f"EntryExport{word}", "export", status, wrote, {"action": action}),
        ]


def _step(name: str, kind: str, status: str, description: str, details: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "provisioningStepType": kind,
        "status": status,
        "description": description,
        "details": dict(details),
    }


def _error(system: str, reason: str | None) -> dict[str, Any]:
    return {
        "errorCode": "TargetSystemRejected",
        "errorCategory": "nonServiceFailure",
        "reason": reason or "no reason was given",
        "additionalDetails": None,
        "recommendedAction": f"mend what {system} names; the next run tries again",
    }


def _staged_error(reason: str | None) -> dict[str, Any]:
    return {
        "errorCode": "AccidentalDeletionsPrevention",
        "errorCategory": "nonServiceFailure",
        "reason": reason or "held by a safety limit",
        "additionalDetails": None,
        "recommendedAction": "if they are right: muster run --allow-deletes; otherwise mend the source",
    }


def _modified(payload: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    was = payload.get("was", {})
    for name, value in payload.get("values", {}).items():
        yield _property(name, was.get(name), value)
    add, remove = payload.get("add", {}), payload.get("remove", {})
    for name in {**add, **remove}:
        yield _property(name, remove.get(name), add.get(name))


def _property(name: str, old: Any, new: Any) -> dict[str, Any]:
    if secret_name(name):
        old, new = (HIDDEN if old is not None else None), (HIDDEN if new is not None else None)
    return {"displayName": name, "oldValue": _text(old), "newValue": _text(new)}


def _text(value: Any) -> str | None:
    """As Graph has it: a text; of many values, their JSON."""
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
