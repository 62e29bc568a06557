"""The conformance kit passes the honest connector and catches every one that is broken on purpose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from tests.connectors.subjects import MemorySubject


@pytest.fixture(params=[False, True], ids=["own anchors", "assigned anchors"])
def honest(request: pytest.FixtureRequest) -> Iterator[MemorySubject]:
    subject = MemorySubject("honest", assigned=request.param)
    yield subject
    subject.system.close()


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_the_honest_connector_keeps_the_promise(check: Check, honest: MemorySubject) -> None:
    assert check.lacking(honest) == ""
    check.run(honest)
