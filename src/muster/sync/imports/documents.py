"""The documents of objects, as the connector space keeps them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from muster.model.objects import ConnectorObject
from muster.model.schema import ObjectSchema
from muster.model.values import Document, same
from muster.store.database import CHUNK

EVERY: Final = "*"
"""In `stick`: every attribute that was written and has no entry of its own."""


def distinct(items: Sequence[ConnectorObject]) -> Iterator[list[ConnectorObject]]:
    """The objects in order, in batches in which no anchor comes twice: what is shown again counts after the first."""
    batch: dict[str, ConnectorObject] = {}
    for item in items:
        if item.anchor in batch or len(batch) >= CHUNK:
            yield list(batch.values())
            batch = {}
        batch[item.anchor] = item
    if batch:
        yield list(batch.values())


def clean(values: Document, schema: ObjectSchema, anchor: str) -> Document:
    """The document of an object as it is kept: without NULLs, with its anchor."""
    document: Document = {name: value for name, value in values.items() if value is not None and value != []}
    if schema.anchor not in document:
        document[schema.anchor] = anchor
    return document


def merged(before: Document, values: Document) -> Document:
    """A document after some of its attributes changed; NULL takes one away."""
    document: Document = {**before, **values}
    kept: Document = {name: value for name, value in document.items() if value is not None and value != []}
    return kept


def settled(
    stick: Mapping[str, Sequence[int]],
    wrote: Document,
    before: Document,
    document: Document,
    schema: ObjectSchema,
    reading: int,
) -> dict[str, Sequence[int]]:
    """What is still to be confirmed of the values written: (times written, the reading before it) an attribute.

    A value that shows, or that showed in a reading between the write and now, is confirmed. `before` is what the object
    showed in the reading before this one.
    """
    every = stick.get(EVERY)
    entries = {**dict.fromkeys(wrote, every), **stick} if every else stick
    return {
        name: (entry[0], entry[1])
        for name, entry in entries.items()
        if name != EVERY
        and (entry[1] + 1 >= reading or not same(before.get(name), wrote.get(name), schema.attribute(name)))
        and not same(document.get(name), wrote.get(name), schema.attribute(name))
    }
