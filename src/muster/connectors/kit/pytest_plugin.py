"""`pytest -p muster.connectors.kit.pytest_plugin --muster-connector=NAME`: the conformance kit on anybody's connector.

The package of the connector names its `Subject` in the entry-point group `muster.subjects`, under the connector's
name: a callable without arguments that gives the subject. `--muster-subject=module:callable` names one directly.
"""

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


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options."""
    group = parser.getgroup("muster")
    group.addoption("--muster-connector", metavar="NAME", help="run the conformance kit on this connector")
    group.addoption("--muster-subject", metavar="MODULE:CALLABLE", help="what gives the subject of the kit")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add one test for each check."""
    name, place = config.getoption("--muster-connector"), config.getoption("--muster-subject")
    if name is None and place is None:
        return
    subject = _subject(name, place)
    items.extend(CheckItem.of(session, f"{name or place}::{check.name}", check, subject) for check in CHECKS)


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
                f"known: {', '.join(sorted(points.names)) or 'none'}; or give --muster-subject=module:callable"
            )
        made = points[name].load()
    return made()
