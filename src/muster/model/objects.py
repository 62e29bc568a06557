"""What connectors hand over when they read: objects, edges, problems, pages."""

from __future__ import annotations

from dataclasses import dataclass, field

from muster.model.values import Document


@dataclass(slots=True)
class ConnectorObject:
    """One object as its system shows it.

    `whole` True: an attribute that was asked for and is not in `values` is NULL. False: it is unchanged.
    `deleted` True: a tombstone; only `type` and `anchor` count. `where` helps a person find it (a file's line).
    """

    type: str
    anchor: str
    values: Document = field(default_factory=dict)
    whole: bool = True
    deleted: bool = False
    partition: str = ""
    where: str = ""


@dataclass(slots=True)
class EdgePage:
    """Part of a large many-valued reference of one object, by the text with which the system names the targets.

    `whole` True: all pages of this attribute together are every value it has, and `last` marks the last of them.
    False: `values` were added and `removed` were removed since the watermark; the rest is unchanged. A read that
    cannot prove that it saw every value says False.
    """

    type: str
    anchor: str
    attribute: str
    values: list[str]
    removed: list[str] = field(default_factory=list)
    whole: bool = False
    last: bool = True


@dataclass(slots=True)
class ReadProblem:
    """One object that could not be read. It is neither changed nor taken for deleted.

    `message`: what is wrong with it, and what to do there; whoever tells it adds system, `where` (a file's line, a
    table, a DN), type and anchor. `anchor` None: it may be any object of the type, so none is taken for deleted;
    with `partition`, none of those there.
    """

    type: str
    anchor: str | None
    message: str
    where: str = ""
    partition: str = ""


@dataclass(slots=True)
class Page:
    """Some objects and edges. The last page of a read, and only it, carries the watermark.

    `complete_for` (last page only): the (type, partition) pairs that were read whole; only there may an object that
    did not come be taken for deleted. `blind` (last page of a read of changes only): the system does not tell what was
    deleted since the watermark, so that only a read of everything shows it.
    """

    objects: list[ConnectorObject] = field(default_factory=list)
    edges: list[EdgePage] = field(default_factory=list)
    problems: list[ReadProblem] = field(default_factory=list)
    watermark: str | None = None
    complete_for: frozenset[tuple[str, str]] = frozenset()
    last: bool = False
    blind: bool = False
