"""The tutorial's commands do what the page says they do."""

from __future__ import annotations

from pathlib import Path

from tests.docs.pages import Reader, steps

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"


def test_every_command_of_the_tutorial_says_what_the_page_shows(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    told = [step for step in steps(PAGE) if step.command]
    assert len(told) > 12
    for step in told:
        reader.do(step)
