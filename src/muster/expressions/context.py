"""What an evaluation may ask of the world, and what it tells back about the clock."""

from collections.abc import Callable
from datetime import UTC, datetime


class Context:
    """The clock and the questions an expression may ask. One object serves many evaluations in a row.

    `now` is aware and in UTC. Two fields are written: `due`, the earliest future instant at which the answer of an
    evaluated comparison with `Now()` changes (None: none does), and `daily`, True once `Now()` was used otherwise.
    `reset` clears both.
    """

    __slots__ = ("daily", "due", "granted", "imported", "now", "unique")

    def __init__(
        self,
        now: datetime | None = None,
        unique: Callable[[list[object]], object] | None = None,
        granted: Callable[[str], bool] | None = None,
        imported: Callable[[str], object] | None = None,
    ) -> None:
        self.now = datetime.now(UTC) if now is None else now.astimezone(UTC)
        self.unique = unique
        self.granted = granted
        self.imported = imported
        self.due: datetime | None = None
        self.daily = False

    def reset(self) -> None:
        """Forget what earlier evaluations told about the clock."""
        self.due = None
        self.daily = False
