"""Step five: Plan → systems, outcomes → connector space.

A change is marked as sent, and that is committed, before it goes on the wire; what the system answered is recorded
with the object it leads to, in one transaction a batch.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.objects import ConnectorObject
from muster.model.secrets import Secret
from muster.model.values import Document, Type, items
from muster.store.audit import edge_seals
from muster.store.codec import digest, encode
from muster.store.database import Database, Session
from muster.store.jobs import is_paused
from muster.store.pacing import Pace
from muster.sync.names.lookup import Found, take_in
from muster.sync.problems import Problem, Report
from muster.sync.queue.changes import PLANNED, SENT
from muster.sync.queue.outcomes import Outcomes
from muster.sync.queue.queued import drop_changes, rewrite_changes
from muster.sync.queue.sent import Sent
from muster.sync.references.edge_lookup import spelled
from muster.sync.references.edge_outcomes import START, EdgeOutcomes, EdgesTaken, many_values, values_after
from muster.sync.references.edge_plan import Resolving, with_edges
from muster.sync.references.naming import named_objects
from muster.sync.rules.ruleset import Rules

_EDGES: Final = 1000
_FEW: Final = 1000
"""So many chosen changes are asked for by their numbers, however many others wait."""

Write = Callable[[Iterable[Change]], Iterator[Outcome]]
Fetch = Callable[[str, str | None, Document], ConnectorObject | None]


@dataclass(slots=True)
class ExportCounts:
    """What an export did to one system."""

    done: int = 0
    failed: int = 0
    references: int = 0
    """Of those that failed: changes that only write references."""
    by_action: dict[str, int] = field(default_factory=dict)
    applied: list[int] = field(default_factory=list)
    existing: list[tuple[Sent, str | None, str]] = field(default_factory=list)
    """Creates that found an object there, with the anchor of the one that was found, and what the system said."""
    attempted: list[int] = field(default_factory=list)

    def document(self) -> dict[str, int]:
        """As the log keeps it."""
        return {"done": self.done, "failed": self.failed, **self.by_action}


class Exporter:
    """Writes the pending changes of one system."""

    def __init__(
        self,
        rules: Rules,
        database: Database,
        report: Report,
        system: str,
        write: Write,
        fetch: Fetch | None,
        *,
        now: int,
        run: int,
        tried: dict[tuple[int, int, int], int],
        only: frozenset[int] | None = None,
        progress: Callable[[int], None] | None = None,
        counted: bool = True,
        by_content: bool = False,
        pausable: bool = True,
    ) -> None:
        self.rules = rules
        self.database = database
        self.report = report
        self.system = system
        self.write = write
        self.fetch = fetch
        self.now = now
        self.run = run
        self.tried = tried
        self.only = only
        self.progress = progress
        self.counted = counted
        self.by_content = by_content
        self.pausable = pausable
        self.spaces = rules.spaces_of(system)
        self.counts = ExportCounts()
        self.taken, self.recorded = Pace(), Pace()
        self._few = only if only is not None and len(only) <= _FEW else None
        self._chosen = "AND c.id IN ?i " if self._few is not None else ""
        self._given = (sorted(self._few),) if self._few is not None else ()

    def work(self) -> ExportCounts:
        """Write everything that is pending (and, with `only`, approved), in order, one attempt a change and run."""
        for rank, space in self._groups():
            self._send(rank, space)
        return self.counts

    def _groups(self) -> Iterator[tuple[int, int]]:
        """The ranks in order, space by space: within one, no change leans on another."""
        rank, space = -1, 0
        while True:
            found: list[tuple[int, int]] = []
            with self.database.read() as session:
                for one in self.spaces:
                    lowest = session.value(
                        f"SELECT MIN(rank) FROM change c WHERE state = {PLANNED} AND space = ? AND rank >= ? "
                        f"{self._chosen}",
                        one,
                        rank if one > space else rank + 1,
                        *self._given,
                    )
                    if lowest is not None:
                        found.append((lowest, one))
            if not found:
                return
            rank, space = min(found)
            yield rank, space

    def _batches(self, rank: int, space: int) -> Iterator[list[Sent]]:
        """The changes of a group, marked as sent when they are asked for."""
        self._resolve(rank, space)
        number = 0
        while True:
            batch, number = self._take(space, rank, number)
            if batch:
                yield batch
            if not number:
                return

    def _resolve(self, rank: int, space: int) -> None:
        """Put in the members who have their objects by now."""
        for flow in [flow for m in self.rules.mappings.values() if m.space == space for flow in m.streams]:
            with self.database.read() as session:
                rows = session.rows(
                    f"SELECT id, mapping, identity, COALESCE(object, 0) FROM change c WHERE state = {PLANNED} "
                    "AND space = ? AND rank = ? AND EXISTS (SELECT 1 FROM edge_change e "
                    "WHERE e.change = c.id AND e.attribute = ? AND e.text = '')",
                    space,
                    rank,
                    flow.attribute_id,
                )
            chosen = [row for row in rows if self.only is None or row[0] in self.only]
            Resolving(self.rules, self.database).resolve(chosen)

    def _take(self, space: int, rank: int, after: int) -> tuple[list[Sent], int]:
        """The next batch, marked as sent, and the id after which to go on (0: that was the last)."""
        size = self.taken.size
        with self.database.write() as session:
            if self.pausable and is_paused(session, self.system):
                return [], 0
            rows = session.rows(
                "SELECT c.id, c.mapping, c.identity, c.object, c.action, c.anchor, p.doc, i.uid "
                "FROM change c JOIN payload p ON p.change = c.id LEFT JOIN identity i ON i.id = c.identity "
                f"WHERE c.state = 0 AND c.space = ? AND c.rank = ? AND c.id > ? {self._chosen}ORDER BY c.id LIMIT ?",
                space,
                rank,
                after,
                *self._given,
                size,
            )
            chosen = [row for row in rows if self.only is None or row[0] in self.only]
            batch = self._build(session, space, chosen)
            session.run(
                f"UPDATE change SET state = {SENT}, at = ?, run = ? WHERE id IN ?i",
                self.now,
                self.run,
                [sent.id for sent in batch],
            )
            if batch and self.by_content:
                session.run("UPDATE watermark SET value = NULL WHERE system = ?", self.system)
            self.taken.worked(len(rows), session.seconds)
        return batch, rows[-1][0] if len(rows) == size else 0

    def _build(self, session: Session, space: int, rows: Sequence[Sequence[Any]]) -> list[Sent]:
        """The changes as they go on the wire, and as they stand in the store from now on: with their references.

        One that failed in this run is left for the next, unless there is something else in it now.
        """
        payloads = [orjson.loads(row[6]) for row in rows]
        targets = sorted({t for p in payloads for waits in p.get("waits", {}).values() for t, _ in waits})
        names = named_objects(session, self.rules, targets) if targets else {}
        kind = self.rules.spaces[space][1]
        edged = with_edges(session, [row[0] for row in rows]) if self.rules.writes_edges else set()
        batch: list[Sent] = []
        waiting: set[tuple[int, int]] = set()
        empty: list[int] = []
        resolved: list[tuple[bytes, int]] = []
        for row, payload in zip(rows, payloads, strict=True):
            number, mapping, identity, object_id, action, anchor, data, uid = row
            schema = self.rules.mappings[mapping].schema
            if action == Action.CREATE and anchor is None and not schema.assigned:
                continue  # what names it is known after another change
            values: Document = payload["values"]
            waits = payload.pop("waits", {})
            for name, references in waits.items():
                keys = [(target, self.system, account) for target, account in references]
                found = [names[key][1] for key in keys if key in names]
                waiting.update((key[0], identity) for key in keys if key not in names)
                if found:
                    _put(payload, name, found, schema.attribute(name).many, create=action == Action.CREATE)
            if action == Action.UPDATE and not (
                values or payload.get("add") or payload.get("remove") or number in edged
            ):
                empty.append(number)
                continue
            tried = self.tried.get((identity, mapping, object_id or 0))
            if tried is not None and tried == _mark(action, anchor, payload):
                continue
            if waits:
                data = orjson.dumps(payload)
                resolved.append((data, number))
            batch.append(
                Sent(
                    id=number,
                    space=space,
                    mapping=mapping,
                    identity=identity,
                    object=object_id,
                    action=Action(action),
                    anchor=anchor,
                    payload=payload,
                    data=bytes(data),
                    uid=uid or "",
                    edges=number in edged,
                    kind=kind,
                    password=_password() if payload.get("password") == "generate" else None,
                )
            )
        drop_changes(session, empty)
        rewrite_changes(session, resolved)
        session.update("change", ("waits",), ("id",), [(0, number) for _, number in resolved])
        key = ("target", "owner")
        session.upsert("waiting", key, key, sorted(waiting))
        return batch

    def _send(self, rank: int, space: int) -> None:
        """Write a group as one stream, so that the wire is never idle; record what comes back in batches."""
        flying: dict[int, Sent] = {}

        def feed() -> Iterator[Change]:
            for batch in self._batches(rank, space):
                for sent in batch:
                    flying[sent.id] = sent
                    yield self._wire(sent)

        back: list[tuple[Sent, Outcome]] = []
        for outcome in self.write(feed()):
            back.append((flying.pop(outcome.key), outcome))
            if len(back) >= self.recorded.size:
                self._record(back)
                back = []
        if back:
            self._record(back)

    def _record(self, outcomes: list[tuple[Sent, Outcome]]) -> None:
        edges = self._take_in_edges(outcomes)
        with self.database.write() as session:
            recorder = self._recorder(session)
            recorder.record(outcomes, edges)
            self.recorded.worked(len(outcomes), session.seconds)
        self.counts.attempted.extend(sent.id for sent, _ in outcomes)
        for sent, outcome in outcomes:
            if recorder.succeeded(sent, outcome):
                self.counts.done += 1
                self.counts.by_action[sent.action.value] = self.counts.by_action.get(sent.action.value, 0) + 1
                self.counts.applied.append(sent.id)
            else:
                self.counts.failed += 1
                self.counts.references += self._only_references(sent)
                mark = _mark_of_rest(sent, outcome)
                self.tried[(sent.identity, sent.mapping, sent.object or 0)] = mark
        found = self._look_up([(s, o) for s, o in outcomes if o.result in (Result.EXISTS, Result.CONFLICT)])
        self.counts.existing.extend(
            (s, found.get(s.id, o.anchor), o.reason) for s, o in outcomes if o.result is Result.EXISTS
        )
        if self.progress is not None:
            self.progress(len(outcomes))

    def _only_references(self, sent: Sent) -> bool:
        """Whether the change writes who somebody's manager is, or who is in a group, and nothing else."""
        schema = self.rules.schema_of(sent.space)
        names = [name for part in ("values", "add", "remove") for name in sent.payload.get(part, {})]
        return (
            sent.action is Action.UPDATE
            and schema is not None
            and all(schema.attribute(name).type is Type.REFERENCE for name in names)
        )

    def _recorder(self, session: Session) -> Outcomes:
        return Outcomes(self.rules, session, self.report, self.system, self.now, self.run, counted=self.counted)

    def _take_in_edges(self, outcomes: Sequence[tuple[Sent, Outcome]]) -> EdgesTaken | None:
        """Take in what very large references show now, before anything says that their changes are done.

        Whoever is killed meanwhile finds these changes sent, and settles them as any other (recovering.py).
        """
        edged = [(sent, outcome) for sent, outcome in outcomes if sent.edges and outcome.result is Result.DONE]
        numbers = [sent.id for sent, _ in edged]
        with self.database.read() as session:
            if not many_values(session, numbers):
                return None
        with self.database.write() as session:
            made = self._recorder(session).appeared(edged)
        taken = EdgeOutcomes(self.database)
        taken.work(taken.steps(made))
        with self.database.read() as session:
            return EdgesTaken(taken, edge_seals(session, numbers))

    def _wire(self, sent: Sent) -> Change:
        payload = sent.payload
        return Change(
            key=sent.id,
            type=sent.kind,
            action=sent.action,
            anchor=sent.anchor,
            values=payload["values"],
            add=payload.get("add", {}),
            remove=payload.get("remove", {}),
            edges=self._edges(sent) if sent.edges else None,
            password=sent.password,
            restores=payload.get("restores"),
        )

    def _edges(self, sent: Sent) -> Iterator[EdgeChange]:
        """The values of large references, in chunks; never all at once."""
        after = START
        while True:
            with self.database.read() as session:
                rows = values_after(session, sent.id, after, _EDGES)
                names = spelled(session, self.rules, self.system, [row[1] for row in rows])
            if not rows:
                return
            after = rows[-1][:3]
            for attribute in sorted({row[0] for row in rows}):
                values: list[tuple[str, int]] = [
                    (names.get(str(text), str(text)), remove) for one, text, _, remove in rows if one == attribute
                ]
                yield EdgeChange(
                    self.rules.names.text(attribute),
                    [text for text, remove in values if not remove],
                    [text for text, remove in values if remove],
                )

    def _look_up(self, outcomes: Sequence[tuple[Sent, Outcome]]) -> dict[int, str]:
        """Objects that are not what the connector space thought are read anew; the join rules see them next.

        The anchor of what was found, by change.
        """
        if self.fetch is None or not outcomes:
            return {}
        found: list[Found] = []
        anchors: dict[int, str] = {}
        for sent, outcome in outcomes:
            item = self.fetch(sent.kind, outcome.anchor or sent.anchor, sent.payload["values"])
            if item is not None:
                found.append(Found(sent.space, item, sent.identity))
                anchors[sent.id] = item.anchor
        if found:
            with self.database.write() as session:
                take_in(session, self.rules, found)
        return anchors


def _put(payload: dict[str, Any], name: str, found: Sequence[str], many: bool, *, create: bool) -> None:
    """Put references into a change whose objects are there now; values that the object shows already stay."""
    values: Document = payload["values"]
    if not many:
        values[name] = found[0]
        if payload["was"].get(name) == found[0]:
            del values[name], payload["was"][name]
        return
    found = _not_removed(payload, name, found)
    if not found:
        return
    had = values.get(name)
    place = values if create or isinstance(had, list) else payload.setdefault("add", {})
    known = items(place.get(name))
    place[name] = [*known, *(text for text in found if text not in known)]


def _not_removed(payload: dict[str, Any], name: str, found: Sequence[str]) -> list[str]:
    """What is not to be taken out as well: an object that kept its old name keeps its place, and neither is done."""
    removed = payload.get("remove", {}).pop(name, [])
    left = [text for text in removed if text not in found]
    if left:
        payload["remove"][name] = left
    return [text for text in found if text not in removed]


def _mark(action: str, anchor: str | None, payload: Mapping[str, Any]) -> int:
    """The digest of what goes on the wire."""
    return digest(encode([action, anchor, payload["values"], payload.get("add"), payload.get("remove")]))


def _mark_of_rest(sent: Sent, outcome: Outcome) -> int:
    """The digest of what this change will be when it is planned again: without what was written of it."""
    if not outcome.written:
        return _mark(sent.action, sent.anchor, sent.payload)
    left = {name: value for name, value in sent.payload["values"].items() if name not in outcome.written}
    return _mark(Action.UPDATE, sent.anchor, {**sent.payload, "values": left})


_LETTERS: Final = string.ascii_letters + string.digits + "-_.!"


def _password() -> Secret:
    """A first password with every kind of letter that policies ask for."""
    body = "".join(secrets.choice(_LETTERS) for _ in range(20))
    return Secret(f"{secrets.choice(string.ascii_uppercase)}{body}{secrets.choice(string.digits)}-x")


def unconfirmed(database: Database, rules: Rules, system: str) -> list[Problem]:
    """Creates that were sent before an interruption and cannot be looked up: held, never sent twice."""
    with database.read() as session:
        rows = session.rows(
            "SELECT c.anchor, i.uid, c.space FROM change c LEFT JOIN identity i ON i.id = c.identity "
            f"WHERE c.state = {SENT} AND c.space IN ?i",
            rules.spaces_of(system),
        )
    return [
        Problem(
            "unconfirmed",
            system,
            f"{system}/{rules.spaces[space][1]} {anchor or 'for ' + str(uid)}: was sent before an interruption and "
            f"{system} could not be read since. It is not sent again; make {system} readable and run again",
            type=rules.spaces[space][1],
            anchor=anchor,
            identities=(uid,) if uid else (),
            held=True,
        )
        for anchor, uid, space in rows
    ]
