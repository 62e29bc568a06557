"""`muster provision` where source and target are flat files: they are read for one person, and written for that one."""

from __future__ import annotations

from pathlib import Path

from tests.cli.support import muster


def test_one_person_of_a_file_gets_an_entry_in_another_now(tmp_path: Path) -> None:
    muster("init", str(tmp_path / "acme"), folder=tmp_path)
    folder = tmp_path / "acme"
    assert muster("run", folder=folder).code == 0
    people, book = folder / "data" / "people.csv", folder / "data" / "phonebook.jsonl"
    people.write_text(
        people.read_text("utf-8").replace("Finance", "Accounts") + "1007,Nóra,Szabó,Sales,1002,2020-01-01,\n", "utf-8"
    )
    before = book.read_text("utf-8").splitlines()
    first = muster("provision", "phonebook", "1007", "--json", folder=folder)
    assert first.code == 0, first.err
    (one,) = first.document["objects"]
    assert [step["description"] for step in one["steps"][:1]] == ["hr/worker 1007: read now"]
    after = book.read_text("utf-8").splitlines()
    assert [line for line in after if line not in before] == [line for line in after if '"nora.szabo"' in line] != []
    assert all(line in after for line in before), "somebody else's line changed"

    book.write_text(book.read_text("utf-8").replace("Nóra", "Nora"), "utf-8")
    mended = muster("provision", "phonebook", "1007", "--json", folder=folder).document["objects"][0]
    assert mended["steps"][0]["description"] == "hr/worker 1007: read now; phonebook/entry nora.szabo: read now"
    assert mended["changes"][0]["attributes"]["name"]["from"] == "Nora Szabó"

    people.write_text(people.read_text("utf-8").replace("1007,Nóra", "1007,Nó,ra"), "utf-8")
    broken = muster("provision", "phonebook", "1007", folder=folder)
    assert broken.code == 1
    assert "people.csv:8" in broken.out + broken.err
