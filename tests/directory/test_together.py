"""Changes of many threads in one transaction: each whole or not at all, and told only once it is committed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest

from muster.directory.directory import Directory
from muster.directory.errors import NotFound, Taken
from muster.directory.objects import Entry, find
from muster.directory.together import Together
from muster.directory.users import create_user
from muster.directory.work import Work
from muster.store.database import Session
from tests.directory.support import person, synced


def at_once(directory: Directory, *jobs: Callable[[Work], Any], sync: tuple[int, ...] = ()) -> list[Any]:
    """What each of the jobs is told, all of which wait while another has the turn."""
    together, begun, go = Together(directory), threading.Event(), threading.Event()

    def first(_: Work) -> None:
        begun.set()
        go.wait(30)

    with ThreadPoolExecutor(len(jobs) + 1) as threads:
        holder = threads.submit(together.do, first)
        assert begun.wait(30)
        waiting = []
        for place, job in enumerate(jobs):
            waiting.append(threads.submit(together.do, job, sync=place in sync))
            while together.waiting <= place:
                pass
        go.set()
        holder.result()
        return [one.exception() or one.result() for one in waiting]


def make(name: str) -> Callable[[Work], Entry]:
    return lambda work: create_user(work, person(name))


def there(directory: Directory, *made: Entry) -> bool:
    with directory.read() as work:
        return all(find(work, one.guid).guid == one.guid for one in made)


def transactions(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    write = directory.database.write

    def counted() -> AbstractContextManager[Session]:
        found.append(1)
        return write()

    monkeypatch.setattr(directory.database, "write", counted)
    return found


def test_what_waits_shares_a_transaction(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    count = transactions(directory, monkeypatch)
    made = at_once(directory, make("Ada"), make("Grace"), make("Alan"))
    assert there(directory, *made)
    assert len(count) == 2  # that of the one who had the turn, and one for the three that waited


def test_a_change_that_is_refused_undoes_nothing_of_its_neighbours(directory: Directory) -> None:
    def both(work: Work) -> None:
        create_user(work, person("Barbara"))
        create_user(work, person("Ada"))

    ada, refused, grace = at_once(directory, make("Ada"), both, make("Grace"))
    assert isinstance(refused, Taken)
    assert there(directory, ada, grace)
    assert isinstance(at_once(directory, make("Barbara"))[0], Entry)


def test_a_change_sees_those_before_it(directory: Directory) -> None:
    first, second = at_once(directory, make("Ada"), make("Ada"))
    assert isinstance(first, Entry)
    assert isinstance(second, Taken)


def test_each_has_its_own_rights(directory: Directory) -> None:
    plain, synchronised = at_once(
        directory,
        lambda work: create_user(work, synced("Ada")),
        lambda work: create_user(work, synced("Grace")),
        sync=(1,),
    )
    assert "onPremisesSyncEnabled" in str(plain)
    assert isinstance(synchronised, Entry)


def test_what_the_database_refuses_is_its_own_trouble_alone(directory: Directory) -> None:
    def broken(work: Work) -> None:
        work.session.run("INSERT INTO no_such_table VALUES (1)")

    ada, failed, grace = at_once(directory, make("Ada"), broken, make("Grace"))
    assert isinstance(failed, directory.database.failures)
    assert there(directory, ada, grace)


def test_nobody_is_told_before_the_commit(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def change(work: Work) -> None:
        made.append(create_user(work, person("Ada")).guid)

    def lost(*_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Directory, "_mark_hour", lost)  # the last that is done before the commit
    told = at_once(directory, change, change)
    assert [type(one) for one in told] == [OSError, OSError]
    with directory.read() as work:
        for guid in made:
            with pytest.raises(NotFound):
                find(work, guid)
