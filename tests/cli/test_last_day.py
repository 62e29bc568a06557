"""Until when somebody is here, as the starter and the example Acme say it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from muster.cli.scaffold import STARTER
from muster.expressions import Context, compile_expression

ACME = Path(__file__).resolve().parents[2] / "examples" / "acme"
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
MAPPINGS: list[tuple[Path, dict[str, str], str]] = [
    (STARTER / "mappings" / "hr-worker.yaml", {"first_day": "2026-11-01"}, "last_day"),
    (ACME / "mappings" / "hr-worker.yaml", {"first_day": "2026-12-01", "status": "active"}, "last_day"),
    (ACME / "mappings" / "contractor.yaml", {"from": "2026-11-01"}, "until"),
]


def active(mapping: Path, line: dict[str, str], now: datetime = NOW) -> tuple[object, datetime | None]:
    """Whether the person of the line is here, and when that changes."""
    flow: Any = YAML(typ="safe").load(mapping.read_text("utf-8"))["inbound"]["flows"]["active"]
    context = Context(now)
    found = compile_expression(flow if isinstance(flow, str) else flow["value"]).evaluate(line, context)
    return found, context.due


@pytest.mark.parametrize(("mapping", "line", "last"), MAPPINGS, ids=["starter", "acme", "acme-contractor"])
def test_a_last_day_at_the_end_of_the_calendar_is_no_end(mapping: Path, line: dict[str, str], last: str) -> None:
    assert active(mapping, {**line, last: "9999-12-31"})[0] is True


@pytest.mark.parametrize(("mapping", "line", "last"), MAPPINGS, ids=["starter", "acme", "acme-contractor"])
def test_the_last_day_counts_to_its_end(mapping: Path, line: dict[str, str], last: str) -> None:
    line = {**line, last: "2026-12-05"}
    midnight = datetime(2026, 12, 6, tzinfo=UTC)
    assert active(mapping, line) == (True, midnight)
    assert active(mapping, line, midnight - timedelta(microseconds=1))[0] is True
    assert active(mapping, line, midnight)[0] is False


def test_a_worker_of_acme_is_here_a_week_before_the_first_day() -> None:
    mapping, line, _ = MAPPINGS[1]
    arrives = datetime(2026, 11, 24, tzinfo=UTC)
    assert active(mapping, line, arrives - timedelta(microseconds=1)) == (False, arrives)
    assert active(mapping, line, arrives)[0] is True
