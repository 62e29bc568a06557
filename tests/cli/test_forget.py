"""`muster forget` shows what it would forget, and does it when it is told to."""

from __future__ import annotations

from pathlib import Path

from tests.cli.support import muster


def test_forget_asks_first(tmp_path: Path) -> None:
    muster("init", str(tmp_path / "acme"), folder=tmp_path)
    folder = tmp_path / "acme"
    assert muster("run", folder=folder).code == 0
    shown = muster("forget", "hr", folder=folder)
    assert shown.code == 3
    assert "hr: what would be forgotten: " in shown.out
    assert "Nothing was done. To do it: muster forget hr --yes" in " ".join(shown.out.split())
    done = muster("forget", "hr", "--yes", folder=folder)
    assert done.code == 0
    assert "Next: muster plan" in done.out
    assert muster("run", "--json", folder=folder).document["changes"] == []
    assert "There is no system 'hrr'. Known: app, hr" in muster("forget", "hrr", folder=folder).err
