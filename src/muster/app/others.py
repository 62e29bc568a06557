"""The other server of two over the same systems: its project folder, and its store as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from muster.app.check import loaded
from muster.model.errors import MusterError, ProjectError, StoreError
from muster.project.configuration import Project
from muster.project.folder import PROJECT_FILE
from muster.store.database import Database
from muster.store.opening import open_other_store


class OtherUnreachable(MusterError):
    """The other server's folder or store cannot be looked into from here: nobody knows whether it is active."""


@contextmanager
def other_server(folder: Path, mine: Database) -> Iterator[tuple[Project, Database]]:
    """Its project and store, which is neither made nor upgraded. Raises `OtherUnreachable`; `ProjectError` where it is
    this server itself."""
    project, database = _opened(folder)
    with database:
        if _address(database) == _address(mine):
            raise ProjectError(
                f"--with {folder}: has the same store as this project ({mine.shown}). A server in staging has a "
                "store of its own: give it another `store:` in its muster.yaml"
            )
        yield project, database


def _opened(folder: Path) -> tuple[Project, Database]:
    if not (folder / PROJECT_FILE).is_file():
        raise OtherUnreachable(f"--with {folder}: there is no {PROJECT_FILE} in it")
    found = loaded(folder)
    if found.project is None:
        raise OtherUnreachable(f"--with {folder}: its files are wrong. What is wrong: muster -C {folder} check")
    try:
        return found.project, open_other_store(found.project.store, folder)
    except StoreError as error:
        raise OtherUnreachable(f"--with {folder}: {error.message}") from error


def _address(database: Database) -> tuple[str | int | None, ...]:
    """Where the store is, whoever logs in to it and however its file is named."""
    url = database.url
    place = url.database if database.postgres else str(Path(url.database or "").resolve())
    return (url.host, url.port, place)
