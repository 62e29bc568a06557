"""What is worth knowing of single objects, told in each run for as long as it holds, without working it out again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from muster.store.codec import decode
from muster.store.database import Session, chunks
from muster.sync.problems import Problem, Report, who_is
from muster.sync.rules.ruleset import Rules

_KEY = ("identity", "mapping", "kind", "message")
OF_CHANGES: Final = ("adopted", "made-again", "other-key", "unfinished")
"""The kinds of notes that stand beside a change."""
DOUBTS: Final = ("adopted", "made-again", "other-key")
"""Those of them that say that the object may be somebody else's."""

NoteRow = tuple[int, int, str, str]
"""Identity, mapping, kind and message of a note."""


def keep_notes(session: Session, identities: Sequence[int], notes: Sequence[NoteRow]) -> None:
    """What was found out about these identities now; what was said of them before no longer counts."""
    if session.one("SELECT identity FROM note LIMIT 1") is not None:
        session.run("DELETE FROM note WHERE identity IN ?i", list(identities))
    session.upsert("note", _KEY, _KEY, notes)


def forget_done(session: Session, places: Iterable[tuple[int, int]]) -> None:
    """Changes of these (identity, mapping) were made: what was said of such a change no longer counts."""
    if session.one("SELECT identity FROM note LIMIT 1") is not None:
        rows = [(*place, kind) for place in sorted(set(places)) for kind in OF_CHANGES]
        session.delete("note", ("identity", "mapping", "kind"), rows)


def doubts_of(session: Session, identities: Iterable[int]) -> dict[tuple[int, int], list[str]]:
    """What speaks for objects of these identities being somebody else's, by identity and mapping."""
    found: dict[tuple[int, int], list[str]] = {}
    rows = session.rows(
        "SELECT identity, mapping, message FROM note WHERE identity IN ?i AND kind IN ?t ORDER BY message",
        sorted(set(identities)),
        list(DOUBTS),
    )
    for identity, mapping, message in rows:
        found.setdefault((identity, mapping), []).append(message)
    return found


def report_notes(session: Session, rules: Rules, report: Report, only: Collection[int] | None = None) -> None:
    """Tell every note, or those of these identities, whenever it was made."""
    chosen, given = ("", ()) if only is None else ("WHERE identity IN ?i ", (sorted(only),))
    rows = session.rows(
        f"SELECT identity, mapping, kind, message FROM note {chosen}ORDER BY identity, mapping, kind, message", *given
    )
    known: dict[int, tuple[str, str]] = {}
    anchors: dict[tuple[int, int], str] = {}
    for numbers in chunks(sorted({row[0] for row in rows})):
        for number, uid, data in session.rows("SELECT id, uid, doc FROM identity WHERE id IN ?i", numbers):
            known[number] = (uid, who_is(uid, decode(data)))
        for identity, mapping, anchor in session.rows(
            "SELECT identity, mapping, anchor FROM object WHERE identity IN ?i ORDER BY gone DESC, anchor DESC", numbers
        ):
            anchors[(identity, mapping)] = anchor
    for number, mapping, kind, message in rows:
        found = rules.mappings.get(mapping)
        if found is None or number not in known:
            continue
        uid, name = known[number]
        anchor = anchors.get((number, mapping))
        place, system, object_type = found.rules.place.file, found.rules.system, found.rules.object
        who = anchor if anchor is not None else f"for {name}"
        report.add(
            Problem(
                kind,
                system,
                f"{place}: {system}/{object_type} {who}: {message}",
                type=object_type,
                anchor=anchor,
                identities=(uid,),
                note=True,
            )
        )
