"""SQL: the file of a SQLite database, when it is something else, or holds something else than it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.connectors.kit.guard import Guard
from muster.model.errors import AuthFailed, IncompleteRead, Unreachable
from tests.connectors.databases import ACCOUNT, Database


def test_what_stands_in_the_place_of_a_sqlite_file_is_called_by_its_name(lite: Database) -> None:
    (lite.folder / "folder").mkdir()
    with pytest.raises(Unreachable, match="folder is no file"), lite.connector("sqlite:///folder", account=ACCOUNT):
        pass
    (lite.folder / "text.db").write_bytes(b"no database" * 1_000)
    with (
        pytest.raises(IncompleteRead, match=r"file is not a database\. Restore the file, or correct `url`"),
        lite.connector("sqlite:///text.db", account=ACCOUNT) as made,
    ):
        made.schema()


def test_a_sqlite_file_that_may_not_be_reached_is_no_bug(lite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, **_more: bool) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(AuthFailed, match="may not read the database file"), lite.connector(account=ACCOUNT):
        pass


def test_text_in_sqlite_that_is_no_utf8_costs_only_its_own_row(lite: Database) -> None:
    lite.run("CREATE TABLE account (login TEXT PRIMARY KEY, name TEXT);"
             "INSERT INTO account VALUES ('ann', 'Ann'), ('bob', CAST(x'ff41' AS TEXT))")  # fmt: skip
    made = lite.connector(account={"table": "account", "anchor": "login"})
    with Guard(made, system="app") as guard:
        read = list(guard.read({"account": ["login", "name"]}))
    assert [item.anchor for page in read for item in page.objects] == ["ann"]
    (told,) = [problem for page in read for problem in page.problems]
    assert (told.anchor, told.where) == ("bob", "table account")
    assert "name holds the byte 0xff as character 1, which is no UTF-8" in told.message
