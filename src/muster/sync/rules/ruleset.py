"""The project's rules, compiled once: what each step of a run asks of them, ready to be asked a million times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from muster.expressions import Context, Program
from muster.model.schema import ObjectSchema, SystemSchema
from muster.model.values import Attribute, Document, Type, Value, key_text
from muster.project.configuration import (
    Computed,
    IdentityType,
    InboundFlow,
    JoinLine,
    MappingRules,
    OutboundFlow,
    Place,
    Project,
)
from muster.store.names import Names
from muster.sync.rules.buffers import all_of, buffered
from muster.sync.rules.indexes import Indexed

HELD: Final = 0
"""As the origin of an edge: a hold says so, no object."""
NO_LOOKUP: Final = 0
"""As the look-up of an edge: it names nobody, and stands for all that the reference holds."""

F = TypeVar("F")
_TEXT_OR_NULL: Final = frozenset({str, type(None)})


@dataclass(slots=True)
class Slot:
    """One choice of one flow: where its results stand in the program's list of results."""

    value: int
    when: int | None
    precedence: int
    place: Place


@dataclass(slots=True)
class CompiledInbound:
    """One inbound flow. `how` (references only) is the signature its texts are looked up by.

    `streamed` names the large reference it reads, `streamed_id` is that attribute's id.
    """

    flow: InboundFlow
    slots: tuple[Slot, ...]
    reads: frozenset[str]
    how: int = 0
    streamed: str | None = None
    attribute_id: int = 0
    streamed_id: int = 0


@dataclass(slots=True)
class CompiledOutbound:
    """One outbound flow. `attribute` is what the schema says of the object's attribute; `default` stands in where
    an object is made and no slot has a value."""

    flow: OutboundFlow
    attribute: Attribute
    slots: tuple[Slot, ...]
    reads: frozenset[str]
    unique: str | None = None
    unique_sig: int = 0
    edge: int = 0
    streamed: bool = False
    attribute_id: int = 0
    default: Slot | None = None


@dataclass(slots=True)
class CompiledJoin:
    """One join line: the signature of its key and the program that works the key out of an object.

    `given`: it stands on a value that Muster gives out itself (a generated login), not on what the person is known by.
    """

    line: JoinLine
    sig: int
    program: Program
    given: bool = False


class Parted(Generic[F]):
    """A program's flows, those apart that give one text to an attribute of one text: taken at once, they cost half."""

    __slots__ = ("_names", "_others", "_places", "flows")

    def __init__(self, flows: Sequence[F], texts: Mapping[str, tuple[int, F]]) -> None:
        """`texts`: by attribute, which of the program's results is its value, and of which flow."""
        self.flows = flows
        self._names = tuple(texts)
        self._places = tuple(place for place, _ in texts.values())
        taken = {id(flow) for _, flow in texts.values()}
        self._others = tuple(flow for flow in flows if id(flow) not in taken)

    def of(self, results: Sequence[Any]) -> tuple[Document, list[str], Sequence[F]]:
        """The texts by attribute, the attributes that have none, and the flows that are left to be looked at: all of
        them when what should be a text is something else."""
        values = [results[place] for place in self._places]
        if not _TEXT_OR_NULL.issuperset(map(type, values)):
            return {}, [], self.flows
        texts: Document = {name: value for name, value in zip(self._names, values, strict=True) if value}
        return texts, [name for name in self._names if name not in texts], self._others


@dataclass(slots=True)
class CompiledMapping:
    """One mapping, ready to run. `usable` False: its system's schema is not known, so it is left alone."""

    rules: MappingRules
    id: int
    space: int
    schema: ObjectSchema
    wanted: tuple[str, ...]
    joins: tuple[CompiledJoin, ...] = ()
    inbound: tuple[CompiledInbound, ...] = ()
    inbound_program: Program | None = None
    outbound: tuple[CompiledOutbound, ...] = ()
    outbound_program: Program | None = None
    streams: tuple[CompiledOutbound, ...] = ()
    answers: tuple[CompiledInbound, ...] = ()
    exact_anchor: bool = True
    alone: Parted[CompiledInbound] | None = None
    """Inbound flows that need no weighing when the identity has no other object; None when some do."""
    writes: Parted[CompiledOutbound] = field(default_factory=lambda: Parted[CompiledOutbound]((), {}))
    """Outbound flows that do not stream."""
    references: tuple[CompiledOutbound, ...] = ()
    named_by: tuple[CompiledOutbound, ...] = ()
    """Outbound flows without which no object can be made: those of its anchor and of its name."""
    own_name: Mapping[str, CompiledOutbound] = field(default_factory=dict)
    """Where a flow gives a name that is a DN, and so is made of attributes: each flow by every name that its attribute
    goes by, in lower case."""
    may_ignore: bool = False
    """Whether an outbound flow may say that nothing is to be done with the object."""
    refers: bool = False
    """Whether an inbound flow gives small references."""
    uses_unique: bool = False
    unique_of: Mapping[str, tuple[tuple[str, str | None], ...]] = field(default_factory=dict)
    """The unique values that an object attribute is worked out from: their scope, and the attribute of the identity
    that holds them (None: the flow itself gives it out)."""
    reads_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What each outbound flow reads, by attribute; under `provision` what that reads."""

    @property
    def name(self) -> str:
        """The mapping's name."""
        return self.rules.name

    @property
    def source(self) -> bool:
        """Whether an object leaving scope ends its join: a mapping that projects, or that never writes."""
        return self.rules.project or self.rules.outbound is None


@dataclass(slots=True)
class CompiledType:
    """One identity type: its join keys, computed values, and the mappings that may give it objects."""

    type: IdentityType
    keys: tuple[tuple[int, tuple[str, ...]], ...] = ()
    computed: tuple[Computed, ...] = ()
    unique: Mapping[str, str] = field(default_factory=dict)
    """The computed attributes that hold unique values, and the scope of each."""
    outbound: tuple[CompiledMapping, ...] = ()
    paths: frozenset[str] = frozenset()
    references: Mapping[str, int] = field(default_factory=dict)
    lookups: Mapping[str, int] = field(default_factory=dict)
    """How the texts of each reference are looked up by the best source that gives it."""


@dataclass(slots=True)
class Rules:
    """Everything a run asks of the project."""

    project: Project
    names: Names
    schemas: Mapping[str, SystemSchema]
    mappings: dict[int, CompiledMapping]
    by_space: dict[int, list[CompiledMapping]]
    types: dict[str, CompiledType]
    spaces: dict[int, tuple[str, str]]
    indexed: dict[int, list[Indexed]]
    """By space, the attributes whose values lead back to the objects that show them."""
    alone: dict[int, list[Indexed]]
    """Those of them of which only one object may have a value, as its system says."""
    hows: dict[int, tuple[str, str]]
    """How a reference's key is looked up: ("identity", type:attributes), ("space", id) or ("system", name)."""
    object_hows: dict[int, list[int]]
    """The look-ups in use, by space, that an object of that space may answer."""
    key_hows: frozenset[int]
    references: frozenset[int]
    """The identity attributes (ids) that some mapping writes as a reference."""
    streamed: frozenset[int]
    """Those of them that some mapping writes as a large reference."""
    contested: frozenset[int]
    """The identity attributes (ids) that stream in from more than one source, the best of which wins."""
    naming: dict[str, bool]
    """Systems in which references name objects otherwise than by their anchor."""
    forgetful: list[int]
    """The spaces of objects that have names which may change, and to which the system does not mend the references."""
    by_names: frozenset[int]
    """The mappings (ids) that tie objects to identities by names that Muster gives out."""
    main: int
    clearing: frozenset[int]
    """The mappings (ids) that take objects out of all groups."""
    flow_scopes: frozenset[str]
    """The scopes of the unique values that outbound flows give out."""
    scope_sigs: dict[str, list[int]]
    """By scope of unique values: the indexes of object values that must be avoided too."""
    paths: dict[str, bool]
    """What is read through references (`manager.mail`), and whether a computed value is among the readers."""

    @property
    def writes_edges(self) -> bool:
        """Whether changes may hold values of large references."""
        return bool(self.streamed or self.clearing)

    def system_of(self, space: int) -> str:
        """The name of the system of a space."""
        return self.spaces[space][0]

    def spaces_of(self, system: str) -> list[int]:
        """The spaces of a system."""
        return sorted(number for number, (name, _) in self.spaces.items() if name == system)

    def account_of(self, mapping: int | None) -> int:
        """The account (a name's id) that objects of a mapping are."""
        found = self.mappings.get(mapping) if mapping is not None else None
        return self.names.id("account", found.rules.account) if found else self.main

    def bears_names(self, mapping: int | None) -> bool:
        """Whether references name identities by the objects of this mapping; one that is frozen still does."""
        found = self.mappings.get(mapping) if mapping is not None else None
        return found is None or found.rules.outbound is not None or found.rules.project

    def schema_of(self, space: int) -> ObjectSchema | None:
        """What the system says of the type of a space; None while it has never answered."""
        system, kind = self.spaces[space]
        found = self.schemas.get(system)
        return found.types.get(kind) if found else None

    def wanted(self, system: str) -> dict[str, tuple[str, ...]]:
        """The attributes that a read of the system asks for, by object type."""
        found: dict[str, set[str]] = {}
        clears = any(self.mappings[number].rules.system == system for number in self.clearing)
        for mapping in self.mappings.values():
            if mapping.rules.system == system:
                names = found.setdefault(mapping.rules.object, set())
                names.update(mapping.wanted)
                if clears:
                    names.update(one.name for one in group_attributes(mapping.schema))
        for name, resource in buffered(self.project):
            schema = self.schemas[name].types.get(resource.object) if name in self.schemas else None
            if name == system and schema is not None:
                found.setdefault(resource.object, set()).update(all_of(schema))
        return {kind: tuple(sorted(names)) for kind, names in sorted(found.items())}


def group_attributes(schema: ObjectSchema) -> list[Attribute]:
    """The attributes that make an object a group which others can be taken out of."""
    many = (one for one in schema.attributes.values() if one.type is Type.REFERENCE and one.many)
    return [one for one in many if one.writable == "always"]


def join_key(program: Program, document: Mapping[str, Value], context: Context) -> str | None:
    """The key of one join line for one object; None where a part is NULL or faulty."""
    parts: list[Value] = []
    for result in program.run(document, context):
        if result is None or not isinstance(result, str | int | float | bool):
            return None
        parts.append(result)
    return key_text(parts)


def identity_keys(kind: CompiledType, document: Document) -> list[tuple[int, str]]:
    """The join keys of an identity."""
    found: list[tuple[int, str]] = []
    for sig, attributes in kind.keys:
        if len(attributes) == 1:
            value = document.get(attributes[0])
            if isinstance(value, list):
                found.extend((sig, key) for item in value if (key := key_text((item,))) is not None)
                continue
            if value is None:
                continue
            key = key_text((value,))
        else:
            key = key_text([document.get(name) for name in attributes])
        if key is not None:
            found.append((sig, key))
    return found
