"""Small whole numbers for names that recur: mappings, attributes, join keys, spaces."""

from __future__ import annotations

from muster.store.database import Database


class Names:
    """Ids of names and of spaces (one object type of one system). Known ones are remembered; ids never change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[tuple[str, str], int] = {}
        self._texts: dict[int, str] = {}
        self._spaces: dict[tuple[str, str], int] = {}
        with database.read() as session:
            for number, kind, text in session.rows("SELECT id, kind, text FROM name"):
                self._ids[(kind, text)] = number
                self._texts[number] = text
            for number, system, kind in session.rows("SELECT id, system, type FROM space"):
                self._spaces[(system, kind)] = number

    def id(self, kind: str, text: str) -> int:
        """The id of a name, made when it is new."""
        known = self._ids.get((kind, text))
        if known is None:
            with self._database.write() as session:
                known = session.value("SELECT id FROM name WHERE kind = ? AND text = ?", kind, text)
                if known is None:
                    known = session.reserve("name", 1)
                    session.insert("name", ("id", "kind", "text"), [(known, kind, text)])
            self._ids[(kind, text)] = known
            self._texts[known] = text
        return known

    def text(self, number: int) -> str:
        """The name that has this id."""
        return self._texts[number]

    def find(self, number: int) -> str | None:
        """The name that has this id; None when it was forgotten."""
        return self._texts.get(number)

    def known(self, kind: str) -> dict[str, int]:
        """All names of one kind."""
        return {text: number for (found, text), number in self._ids.items() if found == kind}

    def rename(self, kind: str, old: str, new: str) -> None:
        """Give the id of `old` to `new`, unless `new` has one of its own already."""
        number = self._ids.get((kind, old))
        if number is None or (kind, new) in self._ids:
            return
        del self._ids[(kind, old)]
        with self._database.write() as session:
            session.run("UPDATE name SET text = ? WHERE id = ?", new, number)
        self._ids[(kind, new)] = number
        self._texts[number] = new

    def forget(self, kind: str, text: str) -> None:
        """The name is used no more, nor its id."""
        number = self._ids.pop((kind, text), None)
        if number is not None:
            del self._texts[number]
            with self._database.write() as session:
                session.run("DELETE FROM name WHERE id = ?", number)

    def space(self, system: str, kind: str) -> int:
        """The id of one object type of one system, made when it is new."""
        known = self._spaces.get((system, kind))
        if known is None:
            with self._database.write() as session:
                known = session.value("SELECT id FROM space WHERE system = ? AND type = ?", system, kind)
                if known is None:
                    known = session.reserve("space", 1)
                    session.insert("space", ("id", "system", "type"), [(known, system, kind)])
            self._spaces[(system, kind)] = known
        return known

    def spaces(self) -> dict[tuple[str, str], int]:
        """Every space by system and type."""
        return dict(self._spaces)
