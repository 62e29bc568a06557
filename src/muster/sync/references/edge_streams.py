"""Large references, straight from what objects show to edges: some values in each transaction.

What an import changed stands in `shown_dirty`, a line a value. An object that was joined, that left whom it was joined
to, or that is no more, has one line for all that it shows; however much that is, it becomes edges, or goes, by pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from muster.store.database import Database, Session
from muster.store.pacing import Paced
from muster.sync.references.clearing import wake_cleared
from muster.sync.references.edge_marks import NOBODY, contest, dirty_edges, dirty_texts, mark_owners
from muster.sync.references.edges import EDGE, EDGE_KEY, edge_key, look_up
from muster.sync.rules.ruleset import CompiledInbound, CompiledMapping, Rules
from muster.sync.showing import EVERYTHING, mark_objects

_SHOWN: Final = ("object", "attribute", "text")


def stream_joined(session: Session, rules: Rules, objects: Sequence[tuple[int, CompiledMapping, int]]) -> None:
    """Objects (id, mapping, identity) were just joined: all that they show of large references becomes edges.

    Those that we write are held against the edges as a whole, once.
    """
    mappings = {m.id: m for _, m, _ in objects}.values()
    if any(m.streams for m in mappings):
        dirty_texts(session, rules, [(identity, flow.edge, "") for _, m, identity in objects for flow in m.streams])
    streaming = {m.id for m in mappings if any(flow.streamed is not None for flow in m.inbound)}
    if streaming:
        reading = [number for number, m, _ in objects if m.id in streaming]
        showing = "SELECT id FROM object WHERE id IN ?i AND EXISTS (SELECT 1 FROM shown s WHERE s.object = object.id)"
        mark_objects(session, [row[0] for row in session.rows(showing, reading)])


def forget_origin(session: Session, rules: Rules, objects: Sequence[int]) -> None:
    """The objects are joined to nobody any more: the edges they showed go; if they are many, page by page."""
    if not objects:
        return
    rows = session.rows(
        "SELECT owner, attribute, target FROM edge WHERE origin IN ?i LIMIT ?", list(objects), session.most_edges + 1
    )
    if len(rows) > session.most_edges:
        mark_objects(session, objects)
    elif rows:
        session.run("DELETE FROM edge WHERE origin IN ?i", list(objects))
        _went(session, rules, [(row[0], row[1], row[2]) for row in rows])


def forget_attribute(session: Session, rules: Rules, mapping: int, attribute: int) -> None:
    """The edges of one attribute that objects of a mapping showed go; they are read anew, if at all."""
    origins = "origin IN (SELECT id FROM object WHERE mapping = ?) AND attribute = ?"
    rows = session.rows(f"SELECT owner, attribute, target FROM edge WHERE {origins}", mapping, attribute)
    if rows:
        session.run(f"DELETE FROM edge WHERE {origins}", mapping, attribute)
        _went(session, rules, [(row[0], row[1], row[2]) for row in rows])


def _went(session: Session, rules: Rules, edges: Sequence[tuple[int, int, int | None]]) -> None:
    dirty_edges(session, rules, edges)
    mark_owners(session, rules, {(edge[0], edge[1]) for edge in edges})
    contest(session, rules, {(edge[0], edge[1]) for edge in edges})


class Streams(Paced):
    """Turns what objects show, and no longer show, into edges."""

    def __init__(self, rules: Rules, database: Database) -> None:
        super().__init__(database)
        self.database = database
        self.rules = rules

    def stream(self) -> bool:
        """Take in all that an import or a join changed; whether there was any."""
        with self.database.read() as session:
            if session.one("SELECT object FROM shown_dirty LIMIT 1") is None:
                return False
        self.work(self._steps())
        return True

    def _steps(self) -> Iterator[int]:
        while rows := self._marked():
            number, attribute, _ = rows[0]
            if attribute == EVERYTHING:
                yield from self._everything(number)
                self.session.delete("shown_dirty", _SHOWN, rows[:1])
                continue
            values = next((n for n, row in enumerate(rows) if row[1] == EVERYTHING), len(rows))
            self._values(rows[:values])
            yield values

    def _marked(self) -> list[tuple[int, int, str]]:
        return self.session.rows(
            "SELECT object, attribute, text FROM shown_dirty ORDER BY object, attribute, text LIMIT ?",
            max(1, self.left),
        )

    # --- all that one object shows

    def _everything(self, number: int) -> Iterator[int]:
        """Make the edges that the object gave to others go, and what it shows edges of whom it is joined to."""
        yield 1
        row = self.session.one("SELECT identity, mapping, gone FROM object WHERE id = ?", number)
        identity, mapping_id, gone = row if row is not None else (None, None, 0)
        mapping = self.rules.mappings.get(mapping_id)
        owner = identity if identity is not None and not gone else NOBODY
        yield from self._leave(number, owner)
        if row is None:
            yield from self._forget(number)
        elif owner != NOBODY and mapping is not None:
            for flow in mapping.inbound:
                if flow.streamed is not None:
                    yield from self._enter(number, owner, flow)

    def _leave(self, number: int, stays: int) -> Iterator[int]:
        """The edges of the object go, but for those of the owner to whom it is joined."""
        while rows := self.session.rows(
            "SELECT owner, attribute, origin, how, key, target FROM edge WHERE origin = ? AND owner <> ? LIMIT ?",
            number,
            stays,
            self.left,
        ):
            self.session.delete("edge", EDGE_KEY, [row[:5] for row in rows])
            _went(self.session, self.rules, [(row[0], row[1], row[5]) for row in rows])
            yield len(rows)

    def _forget(self, number: int) -> Iterator[int]:
        """The object is no more: neither is what it showed."""
        while rows := self.session.rows(
            "SELECT object, attribute, text FROM shown WHERE object = ? LIMIT ?", number, self.left
        ):
            self.session.delete("shown", _SHOWN, rows)
            yield len(rows)
        self.session.run("DELETE FROM shown_digest WHERE object = ?", number)

    def _enter(self, number: int, identity: int, flow: CompiledInbound) -> Iterator[int]:
        """What the object shows becomes edges. Where nobody else gives the owner any, they are looked at as a whole."""
        alone = not self._given_by_others(number, identity, flow.attribute_id)
        if alone and flow.attribute_id in self.rules.streamed:
            dirty_texts(self.session, self.rules, [(identity, flow.attribute_id, "")])
        text = ""
        while rows := self.session.rows(
            "SELECT text, wrote FROM shown WHERE object = ? AND attribute = ? AND text > ? ORDER BY text LIMIT ?",
            number,
            flow.streamed_id,
            text,
            self.left,
        ):
            text = rows[-1][0]
            self._add(flow, number, identity, [row[0] for row in rows if not row[1]], marked=alone)
            yield len(rows)

    def _given_by_others(self, number: int, identity: int, attribute: int) -> bool:
        return any(
            self.session.one(
                f"SELECT key FROM edge WHERE owner = ? AND attribute = ? AND origin {side} ? LIMIT 1",
                identity,
                attribute,
                number,
            )
            is not None
            for side in "<>"
        )

    # --- single values

    def _values(self, done: Sequence[tuple[int, int, str]]) -> None:
        """What became of these values of these objects."""
        session, rules, last = self.session, self.rules, done[-1]
        rows = session.rows(
            "SELECT d.object, d.attribute, d.text, o.identity, o.mapping, o.gone, s.wrote FROM shown_dirty d "
            "JOIN object o ON o.id = d.object "
            "LEFT JOIN shown s ON s.object = d.object AND s.attribute = d.attribute AND s.text = d.text "
            "WHERE (d.object, d.attribute, d.text) <= (?, ?, ?)",
            *last,
        )
        if rules.clearing:
            wake_cleared(
                session,
                rules,
                session.rows(
                    "SELECT o.space, d.text FROM shown_dirty d JOIN object o ON o.id = d.object "
                    "WHERE (d.object, d.attribute, d.text) <= (?, ?, ?)",
                    *last,
                ),
            )
        added: dict[tuple[int, int, int], tuple[CompiledInbound, list[str]]] = {}
        gone: dict[tuple[int, int, int], tuple[CompiledInbound, list[str]]] = {}
        drifted: list[tuple[int, int, str]] = []
        for number, attribute, text, identity, mapping_id, dead, wrote in rows:
            mapping = rules.mappings.get(mapping_id)
            if mapping is None or identity is None or dead:
                continue
            drifted.extend(
                (identity, flow.edge, text)
                for flow in mapping.streams
                if flow.attribute_id == attribute and flow.flow.enforce in ("always", "add")
            )
            for flow in mapping.inbound:
                if flow.streamed is None or flow.streamed_id != attribute:
                    continue
                if wrote == 0:
                    added.setdefault((number, identity, flow.attribute_id), (flow, []))[1].append(text)
                elif wrote is None:
                    gone.setdefault((number, identity, flow.attribute_id), (flow, []))[1].append(text)
        for (number, identity, _), (flow, texts) in added.items():
            self._add(flow, number, identity, texts)
        for (number, identity, _), (flow, texts) in gone.items():
            self._remove(flow, number, identity, texts)
        dirty_texts(session, rules, drifted)
        session.delete("shown_dirty", _SHOWN, done)

    def _add(
        self, flow: CompiledInbound, number: int, identity: int, texts: Sequence[str], *, marked: bool = False
    ) -> None:
        """The object shows these. `marked`: its reference is to be looked at as a whole anyway."""
        if not texts:
            return
        session, rules, attribute = self.session, self.rules, flow.attribute_id
        keys = [edge_key(rules, flow.how, text) for text in texts]
        found = look_up(session, rules, ((flow.how, key) for key in keys))
        rows = []
        for key in keys:
            target, account = found.get((flow.how, key), (None, rules.main))
            rows.append((identity, attribute, number, flow.how, key, target, account))
        session.upsert("edge", EDGE, EDGE_KEY, rows)
        dirty_edges(session, rules, [(identity, attribute, row[5]) for row in rows], marked=marked)
        mark_owners(session, rules, [(identity, attribute)])
        contest(session, rules, [(identity, attribute)])

    def _remove(self, flow: CompiledInbound, number: int, identity: int, texts: Sequence[str]) -> None:
        session, rules = self.session, self.rules
        keys = [edge_key(rules, flow.how, text) for text in texts]
        targets = session.rows(
            "SELECT target FROM edge WHERE owner = ? AND attribute = ? AND origin = ? AND how = ? AND key IN ?t",
            identity,
            flow.attribute_id,
            number,
            flow.how,
            keys,
        )
        session.delete("edge", EDGE_KEY, [(identity, flow.attribute_id, number, flow.how, key) for key in keys])
        _went(
            session,
            rules,
            [(identity, flow.attribute_id, row[0]) for row in targets] or [(identity, flow.attribute_id, None)],
        )
