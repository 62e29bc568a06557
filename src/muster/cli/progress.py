"""A bar on standard error for long work, on a terminal only: the step that moved last."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Progress:
    """Called with a step's name, how much of it is done and how much there is; silent where nobody watches."""

    def __init__(self, console: Console) -> None:
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        if console.is_terminal:
            self._bars = Bars(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[counted]}"),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Show it."""
        if self._bars is None:
            return
        counted = f"{done:,}" if total is None else f"{done:,} of {total:,}"
        if self._task is None:
            self._task = self._bars.add_task(step, total=total, counted=counted)
        self._bars.update(self._task, description=step, completed=done, total=total, counted=counted)
