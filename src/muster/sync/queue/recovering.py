"""What an interrupted run had sent, settled once its system was read anew: found there, or never done.

Nothing is sent twice for it, and the audit trail says of each change what became of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from muster.model.changes import Action, Outcome, Result
from muster.model.values import Document, same
from muster.store.audit import RECOVER
from muster.store.codec import decode, encode
from muster.store.database import Database, Session
from muster.store.pacing import Paced
from muster.store.runs import credit_killed
from muster.sync.identities.values import MADE
from muster.sync.names.reserving import make_firm
from muster.sync.problems import Report
from muster.sync.queue.changes import SENT, written_values
from muster.sync.queue.outcomes import Outcomes, omitted
from muster.sync.queue.sent import Sent
from muster.sync.references.edge_outcomes import START, values_after
from muster.sync.references.edge_plan import return_edges
from muster.sync.references.edge_streams import stream_joined
from muster.sync.references.edges import object_appeared
from muster.sync.rules.ruleset import CompiledMapping, Rules
from muster.sync.showing import reference_text

_FOUND: Final = "found done after an interruption"
_LOST: Final = "sent before an interruption, and not found done since"


def recover(rules: Rules, database: Database, report: Report, system: str, now: int, run: int) -> int:
    """Settle what was sent to the system and has no outcome; how many changes that were.

    An object that appeared under a sent create is Muster's own; a value that shows as it was sent was written. The
    values of large references come first, page by page; killed meanwhile, all this begins anew.
    """
    with database.read() as session:
        found = _sent(session, rules, system)
    if not found:
        return 0
    with database.write() as session:
        anchors = {sent.id: _adopt_created(session, rules, sent) for sent in found if sent.action is Action.CREATE}
    edges = _Edges(rules, database)
    edges.work(edges.steps(found))
    with database.write() as session:
        recorder = Outcomes(rules, session, report, system, now, run)
        settled = [
            (sent, _settle(session, rules, sent, anchors.get(sent.id), there=sent.id not in edges.missed))
            for sent in found
        ]
        _record(recorder, settled)
    return len(settled)


def _record(recorder: Outcomes, settled: Sequence[tuple[Sent, Outcome]]) -> None:
    session = recorder.session
    return_edges(session, recorder.rules, [sent.id for sent, outcome in settled if outcome.result is not Result.DONE])
    recorder.deleted([s for s, o in settled if s.action is Action.DELETE and o.result is Result.DONE])
    recorder.close(settled, RECOVER)
    written = [sent for sent, outcome in settled if outcome.result is Result.DONE]
    if written:
        senders: dict[int, int] = dict(
            session.rows("SELECT id, run FROM change WHERE id IN ?i", [sent.id for sent in written])
        )
        credit_killed(session, [(senders[sent.id], recorder.system, sent.action.value) for sent in written])
    identities = sorted({sent.identity for sent, _ in settled if sent.identity})
    session.run("UPDATE identity SET dirty = dirty | 3 WHERE id IN ?i", identities)


def _sent(session: Session, rules: Rules, system: str) -> list[Sent]:
    rows = session.rows(
        "SELECT c.id, c.space, c.mapping, c.identity, c.object, c.action, c.anchor, p.doc, i.uid "
        f"FROM change c JOIN payload p ON p.change = c.id LEFT JOIN identity i "
        f"ON i.id = c.identity WHERE c.state = {SENT} AND c.space IN ?i ORDER BY c.id",
        rules.spaces_of(system),
    )
    return [
        Sent(
            id=number,
            space=space,
            mapping=mapping,
            identity=identity,
            object=object_id,
            action=Action(action),
            anchor=anchor,
            payload=orjson.loads(data),
            data=bytes(data),
            uid=uid or "",
            edges=True,
            kind=rules.spaces[space][1],
        )
        for number, space, mapping, identity, object_id, action, anchor, data, uid in rows
    ]


def _settle(session: Session, rules: Rules, sent: Sent, anchor: str | None, *, there: bool) -> Outcome:
    """What became of a change. `anchor`: of the object that a create made; `there`: whether all its edges show."""
    mapping = rules.mappings.get(sent.mapping)
    if sent.action is Action.DELETE:
        done = session.one("SELECT id FROM object WHERE id = ? AND gone = 0", sent.object or 0) is None
    elif sent.action is Action.CREATE:
        done = anchor is not None and there
    else:
        done = mapping is not None and _adopt_updated(session, mapping, sent) and there
    result = Result.DONE if done else Result.RETRY
    return Outcome(sent.id, result, anchor or sent.anchor, reason=_FOUND if done else _LOST)


def _adopt_created(session: Session, rules: Rules, sent: Sent) -> str | None:
    """Tie the object that appeared to the identity it was made for; its anchor, or None when there is none.

    One that was recorded before the interruption, because its large references took longer, has its identity.
    """
    mapping = rules.mappings.get(sent.mapping)
    if mapping is None:
        return None
    own = session.one(
        "SELECT anchor, made FROM object WHERE identity = ? AND mapping = ? AND gone = 0", sent.identity, sent.mapping
    )
    if own is not None:
        return str(own[0]) if own[1] else None
    wrote: Document = sent.payload["values"]
    candidates: list[tuple[Any, ...]] = []
    columns = "SELECT id, doc, identity, anchor FROM object WHERE space = ? AND gone = 0 AND "
    if sent.anchor is not None:
        candidates = session.rows(columns + "anchor = ?", sent.space, sent.anchor)
    elif (ref := reference_text(mapping.schema, wrote)) is not None:
        candidates = session.rows(columns + "ref = ?", sent.space, ref)
    else:
        candidates = [
            row
            for row in session.rows(columns + "identity IS NULL AND dirty > 0", sent.space)
            if _shows(mapping, decode(row[1]), wrote)
        ]
    if len(candidates) != 1 or candidates[0][2] not in (None, sent.identity):
        return None
    if sent.object:
        session.run("DELETE FROM object WHERE id = ? AND gone = 1", sent.object)
    shown: Document = decode(candidates[0][1])
    kept = {
        name: value for name, value in wrote.items() if same(shown.get(name), value, mapping.schema.attribute(name))
    }
    session.update(
        "object",
        ("identity", "mapping", "made", "wrote", "wanted", "dirty"),
        ("id",),
        [(sent.identity, sent.mapping, MADE, encode(kept), omitted(sent), 1, candidates[0][0])],
    )
    make_firm(session, [(sent.identity, sent.payload)])
    object_appeared(session, rules, [candidates[0][0]], [sent.identity])
    stream_joined(session, rules, [(candidates[0][0], mapping, sent.identity)])
    return str(candidates[0][3])


def _shows(mapping: CompiledMapping, document: Document, wrote: Document) -> bool:
    return all(same(document.get(name), value, mapping.schema.attribute(name)) for name, value in wrote.items())


def _adopt_updated(session: Session, mapping: CompiledMapping, sent: Sent) -> bool:
    """Take what shows as it was sent for written; whether that is all of it."""
    row = session.one("SELECT doc, wrote, wanted FROM object WHERE id = ?", sent.object or 0)
    if row is None:
        return False
    document, wrote, wanted = decode(row[0]), decode(row[1]), decode(row[2])
    written = written_values(mapping.schema, document, sent.payload)
    there = {n: v for n, v in written.items() if same(document.get(n), v, mapping.schema.attribute(n))}
    for name, value in there.items():
        wrote[name] = value
        wanted.pop(name, None)
    wanted |= sent.payload.get("meant", {})
    if there:
        make_firm(session, [(sent.identity, sent.payload)])
    session.update(
        "object",
        ("wrote", "wanted", "dirty"),
        ("id",),
        [(encode(wrote), encode(wanted) if wanted else None, 1, sent.object)],
    )
    return len(there) == len(written)


class _Edges(Paced):
    """Takes the edges that show as they were sent for written. `missed`: the changes of which not all show."""

    def __init__(self, rules: Rules, database: Database) -> None:
        super().__init__(database)
        self.rules = rules
        self.missed: set[int] = set()

    def steps(self, found: Sequence[Sent]) -> Iterator[int]:
        """Change by change, page by page."""
        for sent in found:
            mapping = self.rules.mappings.get(sent.mapping)
            if sent.action is Action.DELETE or mapping is None or not mapping.streams:
                continue
            number = self.session.value(
                "SELECT id FROM object WHERE identity = ? AND mapping = ? AND gone = 0", sent.identity, sent.mapping
            )
            if number is None:
                self.missed.add(sent.id)
                continue
            place = START
            while rows := values_after(self.session, sent.id, place, self.left):
                place = rows[-1][:3]
                if not all(self._adopt(number, attribute, rows) for attribute in sorted({row[0] for row in rows})):
                    self.missed.add(sent.id)
                yield len(rows)

    def _adopt(self, number: int, attribute: int, rows: Sequence[tuple[int, str, int, int]]) -> bool:
        """Note which of the values that were to come show, as ours; whether all are as they were sent."""
        added = {text for one, text, _, remove in rows if one == attribute and not remove}
        removed = {text for one, text, _, remove in rows if one == attribute and remove}
        these = "object = ? AND attribute = ? AND text IN ?t"
        came = self.session.run(f"UPDATE shown SET wrote = 1 WHERE {these}", number, attribute, sorted(added))
        stay = self.session.one(f"SELECT text FROM shown WHERE {these} LIMIT 1", number, attribute, sorted(removed))
        return came == len(added) and stay is None
