"""The conformance kit: every promise of the connector contract as a check that runs on the real system.

A connector's tests supply a `Subject` and run `CHECKS` on it:

    @pytest.mark.parametrize("check", CHECKS, ids=str)
    def test_keeps_the_promise(check, subject):
        lacking = check.lacking(subject)
        if lacking:
            pytest.skip(lacking)
        check.run(subject)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from muster.connectors.kit import checks_delta, checks_edges, checks_reading, checks_session, checks_writing
from muster.connectors.kit.check import Check
from muster.connectors.kit.subject import Subject

CHECKS: Final[Sequence[Check]] = tuple(
    check
    for module in (checks_session, checks_reading, checks_delta, checks_writing, checks_edges)
    for check in vars(module).values()
    if isinstance(check, Check)
)
"""Every check, in the order in which the contract makes its promises."""


@dataclass(slots=True)
class Report:
    """What the kit found: the promises kept, those broken and how, those that do not apply and why."""

    kept: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)


def examine(subject: Subject, checks: Sequence[Check] = CHECKS) -> Report:
    """Run every check that applies; a check that fails does not stop the others."""
    report = Report()
    for check in checks:
        lacking = check.lacking(subject)
        if lacking:
            report.not_run[check.name] = lacking
            continue
        try:
            check.run(subject)
        except AssertionError as error:
            report.broken[check.name] = str(error)
        else:
            report.kept.append(check.name)
    return report
