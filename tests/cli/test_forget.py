"""`muster forget` shows what it would forget, and does it when it is told to; `retire` lets go of a mapping."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from muster.cli.who import me
from tests.cli.support import muster


def decided(folder: Path) -> list[tuple[Any, ...]]:
    """What the audit trail holds of decisions: the record's name, who, about what, and why."""
    with closing(sqlite3.connect(folder / ".muster" / "state.db")) as store:
        rows = store.execute("SELECT a.what, d.made_by, d.payload FROM decided d JOIN audit a ON a.seq = d.sealed")
        told = [(what, by, json.loads(payload)) for what, by, payload in rows]
    return [(what, by, said["other"], said["what"], said["why"]) for what, by, said in told]


def test_forget_asks_first(tmp_path: Path) -> None:
    muster("init", str(tmp_path / "acme"), folder=tmp_path)
    folder = tmp_path / "acme"
    assert muster("run", folder=folder).code == 0
    shown = muster("forget", "hr", folder=folder)
    assert shown.code == 3
    assert "hr: what would be forgotten: " in shown.out
    assert "Nothing was done. To do it: muster forget hr --yes" in " ".join(shown.out.split())
    assert decided(folder) == []
    done = muster("forget", "hr", "--yes", "--why", "a new domain", folder=folder)
    assert done.code == 0
    assert "Next: muster plan" in done.out
    assert muster("run", "--json", folder=folder).document["changes"] == []
    assert "There is no system 'hrr'. Known: app, hr" in muster("forget", "hrr", folder=folder).err
    assert decided(folder) == [("forget", me(), "hr", "6 objects, 6 of them joined", "a new domain")]


def test_who_retires_a_mapping_is_sealed(tmp_path: Path) -> None:
    muster("init", str(tmp_path / "acme"), folder=tmp_path)
    folder = tmp_path / "acme"
    assert muster("run", folder=folder).code == 0
    (folder / "mappings" / "phonebook-entry.yaml").unlink()
    assert muster("retire", "phonebook-entry", "--why", "the phone book is gone", folder=folder).code == 0
    assert decided(folder) == [("retire", me(), "phonebook-entry", "5 objects", "the phone book is gone")]
    assert muster("audit", "--json", folder=folder).document["breaches"] == []
