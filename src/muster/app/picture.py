"""What one of two servers would do, and whom it takes each object for: the form in which they are compared.

It goes by file from a server that cannot be reached, so it is plain JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import orjson

from muster.model.errors import ProjectError
from muster.model.values import instant_text
from muster.project.configuration import Project
from muster.store.codec import decode
from muster.store.database import Session
from muster.store.private import write_private
from muster.sync.clock import moment
from muster.sync.rules.ruleset import Rules
from muster.sync.safety.staging import Standing

_FORM: Final = "muster staging 1"
Picture = dict[str, Any]


def picture(
    project: Project, rules: Rules, session: Session, standing: Standing, plan: dict[str, Any], at: int
) -> Picture:
    """The plan, every live object with the identity that it is joined to, and every identity."""
    spaces = sorted(rules.by_space)
    return {
        "form": _FORM,
        "project": project.name,
        "folder": str(project.folder),
        "at": instant_text(moment(at).replace(microsecond=0)),
        "server": standing.document(),
        "plan": plan,
        "spaces": [list(rules.spaces[space]) for space in spaces],
        "objects": [
            [*rules.spaces[space], anchor, uid]
            for space, anchor, uid in session.rows(
                "SELECT o.space, o.anchor, i.uid FROM object o LEFT JOIN identity i ON i.id = o.identity "
                "WHERE o.gone = 0 AND o.space IN ?i ORDER BY o.space, o.anchor",
                spaces,
            )
        ],
        "identities": {
            uid: {"type": kind, "name": decode(data).get("displayName")}
            for uid, kind, data in session.rows("SELECT uid, type, doc FROM identity ORDER BY uid")
        },
    }


def write_picture(found: Picture, path: Path) -> None:
    """Write it down, for this user's eyes alone: it names everybody. Raises `ProjectError`."""
    try:
        write_private(path, orjson.dumps(found))
    except OSError as error:
        raise ProjectError(
            f"{path}: cannot be written: {error.strerror}. Name a file in a folder that can be"
        ) from None


def read_picture(path: Path) -> Picture:
    """What the other server wrote down. Raises `ProjectError`."""
    try:
        found = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ProjectError(
            f"--with {path}: cannot be read: {error.strerror}. Name the other server's project folder, or a file of "
            "its muster staging export FILE"
        ) from None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or found.get("form") != _FORM:
        raise ProjectError(
            f"--with {path}: is not what `muster staging export FILE` of this version of Muster writes. Write it again "
            "there"
        )
    return found
