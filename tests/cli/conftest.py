"""The command in this process."""

import pytest

from tests.cli.support import Command


@pytest.fixture
def muster(capsys: pytest.CaptureFixture[str]) -> Command:
    """Call it as a function: `muster("plan", "--json")`."""
    return Command(capsys)
