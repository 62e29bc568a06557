"""What became of changes, written into the connector space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from muster.model.changes import Action, Outcome, Result
from muster.model.values import Document, Type, same
from muster.store.audit import EXPORT, Done, record
from muster.store.codec import decode, digest, encode
from muster.store.database import Session
from muster.sync.identities.values import CHANGED_SINCE, MADE, MADE_AGAIN
from muster.sync.imports.documents import EVERY, clean, merged
from muster.sync.joins.cases import close_cases, close_existing, judge_again, wake_cases
from muster.sync.joins.matching import mark_identities
from muster.sync.names.renames import follow_renames
from muster.sync.names.reserving import make_firm
from muster.sync.notes import forget_done
from muster.sync.problems import Report
from muster.sync.queue.changes import DONE, FAILED, written_values
from muster.sync.queue.failing import failure, owners, what_became
from muster.sync.queue.queued import rewrite_changes
from muster.sync.queue.sent import Sent
from muster.sync.references.edge_marks import dirty_targets
from muster.sync.references.edge_outcomes import EdgeOutcomes, EdgesTaken, Made
from muster.sync.references.edge_plan import return_edges
from muster.sync.references.edge_streams import forget_origin
from muster.sync.references.edges import object_appeared, release_targets
from muster.sync.references.vanishing import drop_references
from muster.sync.rules.indexes import value_keys
from muster.sync.rules.ruleset import Rules
from muster.sync.safety.limits import LOSS, lost_edges, lost_members, lost_values, members_kind, spend, updates_kind
from muster.sync.showing import forget_objects, names_of

_OBJECT: Final = ("id", "space", "anchor", "part", "doc", "digest", "ref", "parent", "mapping", "identity")
_OBJECT_TAIL: Final = ("made", "wrote", "wanted", "stick", "gone", "dirty")
_VALUE_KEY: Final = ("sig", "key", "object")


class Outcomes:
    """Records the outcomes of one batch, in one transaction.

    `counted` False: a person allowed more than the limits do; it is not held against the next 24 hours.
    """

    def __init__(
        self,
        rules: Rules,
        session: Session,
        report: Report,
        system: str,
        now: int,
        run: int,
        *,
        counted: bool = True,
    ) -> None:
        self.rules = rules
        self.session = session
        self.report = report
        self.system = system
        self.now = now
        self.run = run
        self.counted = counted
        self.reading = session.value("SELECT reading FROM watermark WHERE system = ?", system) or 0

    def succeeded(self, sent: Sent, outcome: Outcome) -> bool:
        """Whether the system is now as the change wanted it."""
        return outcome.result is Result.DONE or (outcome.result is Result.GONE and sent.action is Action.DELETE)

    def appeared(self, done: Sequence[tuple[Sent, Outcome]]) -> list[Made]:
        """The objects that these changes made are there; each change, with the object whose references it wrote."""
        self._created([pair for pair in done if pair[0].action is Action.CREATE])
        return self._made([sent for sent, _ in done])

    def record(self, outcomes: Sequence[tuple[Sent, Outcome]], taken: EdgesTaken | None = None) -> None:
        """Objects, identities, queue and audit trail after these outcomes.

        `taken`: their large references, taken in before, after the objects that hold them had `appeared`.
        """
        good = [(sent, outcome) for sent, outcome in outcomes if self.succeeded(sent, outcome)]
        creates = [pair for pair in good if pair[0].action is Action.CREATE]
        self._created([pair for pair in creates if taken is None or not pair[0].edges])
        self._updated([pair for pair in good if pair[0].action in (Action.UPDATE, Action.DISABLE)])
        self.deleted([sent for sent, _ in good if sent.action is Action.DELETE])
        self._edges([sent for sent, _ in good if sent.edges], taken)
        forget_done(self.session, [(sent.identity, sent.mapping) for sent, _ in good])
        if len(good) < len(outcomes):
            bad = [(sent, outcome) for sent, outcome in outcomes if not self.succeeded(sent, outcome)]
            whose = owners(self.session, [sent for sent, _ in bad])
            self._updated([(_part(sent, outcome), outcome) for sent, outcome in bad if outcome.written])
            for sent, outcome in bad:
                self.report.add(failure(self.rules.mappings[sent.mapping], sent, outcome, whose))
                self._failed(sent, outcome)
        self.close(outcomes, seals=taken.seals if taken is not None else None)

    def close(
        self,
        outcomes: Sequence[tuple[Sent, Outcome]],
        what: str = EXPORT,
        seals: Mapping[int, bytes] | None = None,
    ) -> None:
        """Queue, audit trail and limits after these outcomes. `what`: how the run came to know them; `seals`: what
        stands for the values of their large references, where that is known already."""
        self._seal(outcomes, what, seals)
        if self.counted:
            made = [sent for sent, outcome in outcomes if self.succeeded(sent, outcome)]
            made += [_part(sent, outcome) for sent, outcome in outcomes if outcome.written]
            spend(self.session, self.system, self.now, self._spent(made))

    def _spent(self, changes: Sequence[Sent]) -> Counter[str]:
        """What these changes took away, by kind of limit."""
        counts: Counter[str] = Counter()
        for sent in changes:
            if sent.action in (Action.DELETE, Action.DISABLE) or sent.payload.get("recreate"):
                counts[LOSS] += 1
            elif sent.action is Action.UPDATE:
                schema = self.rules.mappings[sent.mapping].schema
                counts.update(updates_kind(sent.space, name) for name in lost_values(sent.payload))
                for name in sent.payload.get("remove", ()):
                    if schema.attribute(name).type is Type.REFERENCE:
                        counts[members_kind(sent.object or 0, name)] += lost_members(sent.payload, name)
        edged = [sent.id for sent in changes if sent.edges]
        for number, attribute, lost, _ in lost_edges(self.session, "c.id IN ?i", edged) if edged else ():
            counts[members_kind(number, self.rules.names.text(attribute))] += lost
        return counts

    def _seal(self, outcomes: Sequence[tuple[Sent, Outcome]], what: str, seals: Mapping[int, bytes] | None) -> None:
        done = [
            Done(
                sent.id,
                sent.space,
                sent.mapping,
                sent.identity,
                sent.object,
                sent.action.value,
                DONE if self.succeeded(sent, outcome) else FAILED,
                sent.data,
                outcome.anchor or sent.anchor,
                what_became(outcome)[:500] or None,
            )
            for sent, outcome in outcomes
        ]
        record(self.session, at=self.now, run=self.run, what=f"{what} {self.system}", changes=done, edges=seals)

    # --- creates

    def _created(self, pairs: Sequence[tuple[Sent, Outcome]]) -> None:
        if not pairs:
            return
        session = self.session
        replaced = [sent.object for sent, _ in pairs if sent.object]
        self._drop_objects(replaced)
        space = pairs[0][0].space
        schema = self.rules.mappings[pairs[0][0].mapping].schema
        indexed = self.rules.indexed.get(space, ())
        anchors = [outcome.anchor or sent.anchor or "" for sent, outcome in pairs]
        known: dict[str, int] = dict(
            session.rows("SELECT anchor, id FROM object WHERE space = ? AND anchor IN ?t", space, anchors)
        )
        fresh = sum(1 for anchor in anchors if anchor not in known)
        number = session.reserve("object", fresh) if fresh else 0
        unconfirmed = encode({EVERY: (1, self.reading)})
        rows: list[tuple[Any, ...]] = []
        keys: list[tuple[int, str, int]] = []
        numbers: list[int] = []
        for (sent, outcome), anchor in zip(pairs, anchors, strict=True):
            wrote: Document = sent.payload["values"]
            told = bool(outcome.values) or schema.anchor not in wrote
            written = encode(wrote)
            document = clean({**wrote, **outcome.values}, schema, anchor) if told else wrote
            data = encode(document) if told else written
            own = known.get(anchor)
            if own is None:
                own, number = number, number + 1
            numbers.append(own)
            mapping = self.rules.mappings[sent.mapping]
            rows.append(
                (own, space, anchor, "", data, digest(data), *names_of(schema, document), sent.mapping)
                + (sent.identity, MADE, written, omitted(sent), unconfirmed, 0, 1 if mapping.answers else 0)
            )
            if indexed:
                keys.extend(value_keys(indexed, document, own))
        if fresh == len(rows):
            session.insert("object", (*_OBJECT, *_OBJECT_TAIL), rows)
        else:
            session.upsert("object", (*_OBJECT, *_OBJECT_TAIL), ("id",), rows)
        session.upsert("object_key", _VALUE_KEY, _VALUE_KEY, keys)
        identities = [sent.identity for sent, _ in pairs]
        make_firm(session, [(sent.identity, sent.payload) for sent, _ in pairs])
        close_existing(session, {(sent.identity, sent.mapping) for sent, _ in pairs})
        object_appeared(session, self.rules, numbers, identities)
        if any(self.rules.mappings[sent.mapping].answers for sent, _ in pairs):
            mark_identities(session, identities)

    # --- updates

    def _updated(self, pairs: Sequence[tuple[Sent, Outcome]]) -> None:
        if not pairs:
            return
        session = self.session
        rows = {
            row[0]: row
            for row in session.rows(
                "SELECT id, doc, wrote, wanted, stick, ref, anchor, space FROM object WHERE id IN ?i",
                [sent.object for sent, _ in pairs if sent.object],
            )
        }
        updates: list[tuple[Any, ...]] = []
        stale: list[tuple[int, str, int]] = []
        keys: list[tuple[int, str, int]] = []
        renamed: list[tuple[int, str, str | None, str | None]] = []
        answered: list[int] = []
        for sent, outcome in pairs:
            row = rows.get(sent.object or 0)
            if row is None:
                continue
            number, data, wrote_data, wanted_data, stick_data, ref, anchor, space = row
            mapping = self.rules.mappings[sent.mapping]
            before: Document = decode(data)
            written = written_values(mapping.schema, before, sent.payload)
            document = merged(before, {**written, **outcome.values})
            wrote_before: Document = decode(wrote_data)
            wrote = {**wrote_before, **written}
            wanted = {name: value for name, value in decode(wanted_data).items() if name not in written}
            wanted |= sent.payload.get("meant", {})
            stick = decode(stick_data)
            for name in written:
                times = (
                    stick.get(name, stick.get(EVERY, (0, 0)))[0]
                    if same(wrote_before.get(name), written[name], mapping.schema.attribute(name))
                    else 0
                )
                stick[name] = (times + 1, self.reading)
            if any(before.get(name) != value for name, value in outcome.values.items()):
                answered.append(number)
            new_ref, parent = names_of(mapping.schema, document)
            encoded = encode(document)
            updates.append(
                (encoded, digest(encoded), new_ref, parent, encode(wrote), encode(wanted) if wanted else None)
                + (encode(stick), number)
            )
            if new_ref != ref:
                renamed.append((number, anchor, ref, new_ref))
            indexed = self.rules.indexed.get(space, ())
            if indexed:
                stale.extend(value_keys(indexed, before, number))
                keys.extend(value_keys(indexed, document, number))
        session.update("object", ("doc", "digest", "ref", "parent", "wrote", "wanted", "stick"), ("id",), updates)
        session.delete("object_key", _VALUE_KEY, stale)
        session.upsert("object_key", _VALUE_KEY, _VALUE_KEY, keys)
        session.run("UPDATE object SET dirty = 1 WHERE id IN ?i AND dirty = 0", answered)
        judge_again(session, [row[-1] for row in updates])
        self._ours_again([row[-1] for row in updates])
        follow_renames(session, self.rules, pairs[0][0].space, renamed, ours=True)
        make_firm(session, [(sent.identity, sent.payload) for sent, _ in pairs])

    def _ours_again(self, objects: Sequence[int]) -> None:
        """What another hand had made again was written now: there is nothing more to tell of it."""
        rows = self.session.rows(f"SELECT id, identity FROM object WHERE id IN ?i AND made = {MADE_AGAIN}", objects)
        self.session.update("object", ("made",), ("id",), [(CHANGED_SINCE, number) for number, _ in rows])
        mark_identities(self.session, sorted({identity for _, identity in rows if identity is not None}))

    def _made(self, changes: Sequence[Sent]) -> list[Made]:
        made: list[Made] = []
        for sent in changes:
            number = sent.object
            if sent.action is Action.CREATE:
                number = self.session.value(
                    "SELECT id FROM object WHERE space = ? AND identity = ? AND mapping = ? AND gone = 0",
                    sent.space,
                    sent.identity,
                    sent.mapping,
                )
            if number is not None:
                made.append(Made(sent.id, number, bool(sent.payload.get("clears"))))
        return made

    def _edges(self, changes: Sequence[Sent], taken: EdgesTaken | None) -> None:
        """What large references now show; how many values that were, and which, stands in the change itself."""
        if not changes:
            return
        if taken is None:
            outcomes = EdgeOutcomes(None)
            outcomes.within(self.session, outcomes.steps(self._made(changes)))
        else:
            outcomes = taken.outcomes
        noted: list[tuple[bytes, int]] = []
        for sent in changes:
            notes = outcomes.notes(sent.id)
            if notes:
                sent.payload["edges"] = {self.rules.names.text(attribute): note for attribute, note in notes.items()}
                sent.data = orjson.dumps(sent.payload)
                noted.append((sent.data, sent.id))
        rewrite_changes(self.session, noted)

    # --- deletes

    def deleted(self, changes: Sequence[Sent]) -> None:
        """The objects that these changes deleted are no more."""
        if not changes:
            return
        numbers = [sent.object for sent in changes if sent.object]
        rows = self.session.rows("SELECT id, space, anchor, ref FROM object WHERE id IN ?i", numbers)
        release_targets(self.session, self.rules, [(r[0], r[1], r[2], r[3]) for r in rows])
        drop_references(self.session, self.rules, numbers)
        self._drop_objects(numbers)
        wake_cases(self.session, {(sent.identity, sent.mapping) for sent in changes})
        identities = sorted({sent.identity for sent in changes if sent.identity})
        dirty_targets(self.session, self.rules, identities)
        mark_identities(self.session, identities)

    def _drop_objects(self, numbers: Sequence[int]) -> None:
        """Forget objects that are no more."""
        if not numbers:
            return
        forget_origin(self.session, self.rules, numbers)
        close_cases(self.session, numbers)
        forget_objects(self.session, numbers)

    # --- failures

    def _failed(self, sent: Sent, outcome: Outcome) -> None:
        session = self.session
        if outcome.result is Result.GONE and sent.object:
            session.update("object", ("gone", "dirty"), ("id",), [(1, 1, sent.object)])
        if sent.edges:
            return_edges(session, self.rules, [sent.id])
        if sent.identity:
            mark = 2 | 8 if outcome.result is Result.EXISTS else 8
            session.run("UPDATE identity SET dirty = dirty | ? WHERE id = ?", mark, sent.identity)


def _part(sent: Sent, outcome: Outcome) -> Sent:
    """As much of a refused change as was written."""
    return replace(sent, payload={"values": outcome.written}, edges=False)


def omitted(sent: Sent) -> bytes | None:
    """What has no value of ours in a create: from now on that is what we want of it, whatever its default was."""
    names = sent.payload.get("omitted")
    return encode(dict.fromkeys(names)) if names else None
