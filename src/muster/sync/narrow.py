"""Work on demand: what a run for one identity looks at. Everything else that is marked stays so for the next run."""

from __future__ import annotations

from dataclasses import dataclass, field

from muster.store.database import Session


@dataclass(slots=True)
class Narrow:
    """The objects and identities that the work is about. Both grow while objects are found and joined."""

    objects: set[int] = field(default_factory=set)
    identities: set[int] = field(default_factory=set)

    def follow(self, session: Session) -> None:
        """The objects belong to these identities by now."""
        self.identities.update(
            row[0]
            for row in session.rows(
                "SELECT DISTINCT identity FROM object WHERE id IN ?i AND identity IS NOT NULL", sorted(self.objects)
            )
        )
