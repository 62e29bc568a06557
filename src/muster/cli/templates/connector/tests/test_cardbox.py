"""What is special to this connector. The promises that every connector makes are tested by the kit, after these."""

from __future__ import annotations

import pytest

from muster.model.changes import Action, Change, Result
from muster_cardbox.subject import CardboxSubject


@pytest.fixture
def subject() -> CardboxSubject:
    made = CardboxSubject()
    made.reset()
    return made


def test_a_damaged_document_is_named_and_the_others_are_read(subject: CardboxSubject) -> None:
    subject.add(1)
    (subject.folder / "u2.json").write_text('{"name": "Person', encoding="utf-8")
    pages = subject.pages()
    assert [one.anchor for page in pages for one in page.objects] == ["u1"]
    assert [(one.anchor, one.where[-7:]) for page in pages for one in page.problems] == [("u2", "u2.json")]


def test_keys_that_nobody_declared_stay(subject: CardboxSubject) -> None:
    file = subject.folder / "u1.json"
    file.write_text('{"name": "Nora", "theme": "dark"}', encoding="utf-8")
    assert subject.written(Change(1, "account", Action.UPDATE, "u1", {"name": "Nora Novak"})).result is Result.DONE
    assert '"theme": "dark"' in file.read_text(encoding="utf-8")


def test_no_anchor_leads_out_of_the_folder(subject: CardboxSubject) -> None:
    for anchor in ("../escaped", ".hidden", ""):
        outcome = subject.written(Change(1, "account", Action.CREATE, anchor, {"id": anchor, "name": "Mallory"}))
        assert outcome.result is Result.REJECTED, outcome
    assert [path.name for path in subject.folder.parent.iterdir()] == ["account"]
