"""Promises about a full read, and about looking up."""

from __future__ import annotations

from collections import Counter

from muster.connectors.kit.check import all_of, finds, finds_many, has, promise, reads, supplies
from muster.connectors.kit.contract import FindsMany, FindsObjects
from muster.connectors.kit.subject import Subject
from muster.model.errors import SESSION_ENDING
from muster.model.schema import ENABLED
from muster.model.values import Attribute, Value, WrongType, convert

SOME = 7
"""Objects that a check puts into the system."""


@promise(reads)
def read_gives_everything(subject: Subject) -> None:
    """A full read gives every object with every value that was asked for."""
    anchors = {number: subject.add(number) for number in range(1, SOME + 1)}
    found = subject.objects()
    assert set(found) == set(anchors.values()), f"read {sorted(found)}, expected {sorted(anchors.values())}"
    for number, anchor in anchors.items():
        wrong = subject.shows(anchor, subject.sample(number))
        assert not wrong, f"object {anchor}: {wrong}"
        assert found[anchor].whole, f"{anchor} came with whole=False in a full read"
        assert found[anchor].type == subject.object_type, f"{anchor} came with type {found[anchor].type!r}"


@promise(reads)
def read_gives_the_schemas_types(subject: Subject) -> None:
    """Every value read has the type that the schema declares; the schema names the anchor attribute."""
    subject.add(1)
    subject.add(2)
    schema = subject.schema()
    assert schema.name == subject.object_type, f"the schema's name is {schema.name!r}"
    assert schema.anchor in schema.attributes, f"the anchor {schema.anchor!r} is not among the attributes"
    for item in subject.objects().values():
        for name, value in item.values.items():
            attribute = schema.attribute(name)
            assert not attribute.large, f"{name} is large, and came inside an object"
            assert _fits(value, attribute), f"{item.anchor}: {name} is {value!r}, declared {attribute.type}"


@promise(reads)
def read_gives_only_what_is_wanted(subject: Subject) -> None:
    """Attributes that were not asked for do not come, but for the object's own name."""
    subject.add(1)
    asked = {subject.text, subject.schema().naming}
    with subject.open() as connector:
        pages = list(connector.read({subject.object_type: [subject.text]}, None))
    extra = {name for page in pages for item in page.objects for name in item.values} - asked
    assert not extra, f"not asked for: {', '.join(sorted(extra))}"


@promise(reads)
def anchors_are_unique(subject: Subject) -> None:
    """No two objects of a read have the same anchor; where the system shows such, each is a problem."""
    anchors = {subject.add(number) for number in range(1, SOME + 1)}
    duplicated = subject.duplicated()
    pages = subject.pages()
    seen = Counter(item.anchor for page in pages for item in page.objects)
    twice = [anchor for anchor, count in seen.items() if count > 1]
    assert not twice, f"read twice: {twice}"
    if duplicated is not None:
        assert duplicated not in seen, f"{duplicated!r} exists twice, and one of the two was read"
        told = [problem for page in pages for problem in page.problems if problem.anchor == duplicated]
        assert told, f"{duplicated!r} exists twice, and no problem says so"
        assert seen.keys() >= anchors - {duplicated}, "the other objects were not read"


@promise(reads)
def last_page_says_what_is_complete(subject: Subject) -> None:
    """The last page, and only it, is marked last and says complete_for; nothing comes after it."""
    subject.add(1)
    pages = subject.pages()
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True], "the last page is not the one marked"
    early = [page for page in pages[:-1] if page.watermark is not None or page.complete_for]
    assert not early, "a page before the last one carries a watermark or complete_for"
    complete = pages[-1].complete_for
    assert any(kind == subject.object_type for kind, _ in complete), f"complete_for is {set(complete)}"
    partitions = {(item.type, item.partition) for page in pages for item in page.objects}
    assert partitions <= complete, f"objects came from {partitions}, complete are {set(complete)}"
    if subject.capabilities.reads_changes:
        assert pages[-1].watermark is not None, "it reads changes, and the last page carries no watermark"


@promise(reads)
def empty_system_is_complete(subject: Subject) -> None:
    """A system without objects reads as complete and empty."""
    pages = subject.pages()
    assert sum(len(page.objects) for page in pages) == 0, "objects came out of an empty system"
    assert pages, "no page at all"
    assert any(kind == subject.object_type for kind, _ in pages[-1].complete_for), "it is not complete"


@promise(all_of(reads, supplies("broken_read", "its read cannot be broken on purpose")))
def broken_read_raises(subject: Subject) -> None:
    """A read that does not reach its end raises, and no page of it was marked last."""
    connector = subject.broken_read()
    if connector is None:
        return
    wanted = {subject.object_type: [subject.text]}
    try:
        for page in connector.read(wanted, None):
            assert not page.last, "the read was broken, and its last page came all the same"
    except SESSION_ENDING:
        return
    finally:
        connector.__exit__(None, None, None)
    raise AssertionError("the read ended as if nothing had happened")


@promise(finds)
def get_gives_the_object_whole(subject: Subject) -> None:
    """`get` gives what a full read gives, and None for an anchor that does not exist."""
    anchor = subject.add(1)
    missing = subject.add(2)
    subject.remove(missing)
    read = subject.objects()[anchor]
    with subject.open() as connector:
        assert isinstance(connector, FindsObjects)
        found = connector.get(subject.object_type, anchor)
        nothing = connector.get(subject.object_type, missing)
    assert nothing is None, f"{missing!r} was deleted, and was found"
    assert found is not None, f"{anchor!r} was not found"
    assert (found.anchor, found.whole) == (anchor, True), f"found {found.anchor!r}, whole={found.whole}"
    differing = [name for name, value in read.values.items() if found.values.get(name) != value]
    assert not differing, f"get and read differ in {', '.join(differing)}"


@promise(finds)
def find_gives_just_the_equal_ones(subject: Subject) -> None:
    """`find` gives every object with the value, no other, and nothing for a value that nobody has."""
    wanted = subject.add(1)
    subject.add(2)
    value = subject.sample(1)[subject.text]
    with subject.open() as connector:
        assert isinstance(connector, FindsObjects)
        found = [item.anchor for item in connector.find(subject.object_type, {subject.text: value})]
        nobody = list(connector.find(subject.object_type, {subject.text: "nobody has this value"}))
        schema = connector.schema().types[subject.object_type]
        by_anchor = [item.anchor for item in connector.find(subject.object_type, {schema.anchor: wanted})]
    assert found == [wanted], f"found {found}, expected {[wanted]}"
    assert by_anchor == [wanted], f"by its anchor found {by_anchor}, expected {[wanted]}"
    assert not nobody, f"found {[item.anchor for item in nobody]} for a value that nobody has"


@promise(all_of(finds, finds_many))
def find_any_gives_those_with_one_of_the_values(subject: Subject) -> None:
    """`find_any` gives each object that has one of the values once, no other, and nothing for no values."""
    wanted = [subject.add(1), subject.add(3)]
    subject.add(2)
    nobody = [f"nobody has value {number}" for number in range(250)]
    values = [
        subject.sample(1)[subject.text],
        *nobody,
        subject.sample(1)[subject.text],
        subject.sample(3)[subject.text],
    ]
    with subject.open() as connector:
        assert isinstance(connector, FindsMany)
        found = sorted(item.anchor for item in connector.find_any(subject.object_type, subject.text, values))
        none = list(connector.find_any(subject.object_type, subject.text, []))
        schema = connector.schema().types[subject.object_type]
        by_anchor = sorted(item.anchor for item in connector.find_any(subject.object_type, schema.anchor, wanted))
    assert found == sorted(wanted), f"found {found}, expected {sorted(wanted)}"
    assert by_anchor == sorted(wanted), f"by their anchors found {by_anchor}, expected {sorted(wanted)}"
    assert not none, f"found {[item.anchor for item in none]} for no values"


@promise(all_of(finds, has("many", "it has no many-valued attribute")))
def find_looks_among_many_values(subject: Subject) -> None:
    """`find` by one value of a many-valued attribute gives the object that has it among others."""
    anchor = subject.add(1)
    subject.add(2)
    assert subject.many is not None
    subject.change(anchor, {subject.many: list(subject.many_values)})
    with subject.open() as connector:
        assert isinstance(connector, FindsObjects)
        found = [one.anchor for one in connector.find(subject.object_type, {subject.many: subject.many_values[1]})]
    assert found == [anchor], f"found {found}, expected {[anchor]}"


def _fits(value: Value, attribute: Attribute) -> bool:
    if isinstance(value, list) != attribute.many and value is not None:
        return False
    if attribute.name == ENABLED and not isinstance(value, bool):
        return False
    try:
        return convert(value, attribute) == value and type(convert(value, attribute)) is type(value)
    except WrongType:
        return False
