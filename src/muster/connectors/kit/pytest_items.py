"""The checks of the conformance kit as tests of pytest."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Final, Self

import pytest

from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.subject import Subject

GROUP: Final = "muster.subjects"
"""The entry-point group in which a package names the subjects of its connectors."""


def items(session: pytest.Session, name: str | None, place: str | None) -> list[CheckItem]:
    """A test for each check, on the subject that is named by its connector or by its place, module:callable."""
    subject = _subject(name, place)
    return [CheckItem.of(session, f"{name or place}::{check.name}", check, subject) for check in CHECKS]


class CheckItem(pytest.Item):
    """One check as a test."""

    check: Check
    subject: Subject

    @classmethod
    def of(cls, parent: pytest.Session, name: str, check: Check, subject: Subject) -> Self:
        """The test of one check on one subject."""
        item: Self = cls.from_parent(parent, name=name)
        item.check, item.subject = check, subject
        return item

    def runtest(self) -> None:
        """Run the check, or skip with what the subject lacks."""
        lacking = self.check.lacking(self.subject)
        if lacking:
            pytest.skip(lacking)
        self.check.run(self.subject)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A broken promise in words, anything else as pytest shows it."""
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, int | None, str]:
        """Where the test is: in the kit."""
        return "muster.connectors.kit", None, self.name


def _subject(name: str | None, place: str | None) -> Subject:
    made: Callable[[], Subject]
    if place is not None:
        module, _, attribute = place.partition(":")
        made = getattr(importlib.import_module(module), attribute)
    else:
        points = entry_points(group=GROUP)
        if name not in points.names:
            raise pytest.UsageError(
                f"no installed package names a subject for {name!r} in the entry-point group {GROUP!r}; "
                f"known: {', '.join(sorted(points.names)) or 'none'}; install the package of the connector, "
                "or give --muster-subject=module:callable"
            )
        made = points[name].load()
    return made()
