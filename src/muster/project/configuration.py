"""The typed configuration that the engine works from. Made by the loader, complete and checked; never changed.

Every expression knows where it stands (`Located`), so that a reason, a fault and a plan can name file and line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from muster.expressions import Expression, Scope
from muster.model.values import Attribute


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file of the project folder; `file` is relative to the folder."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Located:
    """A compiled expression and where it stands."""

    expression: Expression
    place: Place


@dataclass(frozen=True, slots=True)
class Safety:
    """The limits of one system over 24 hours (docs/reference/safety.md). Percentages are whole numbers."""

    deletes: int = 500
    percent: int = 10
    members: int = 20
    updates: int = 30


@dataclass(frozen=True, slots=True)
class Quarantine:
    """When a system's errors put it in quarantine: more than `percent` of the changes failing, from `minimum` on; or
    `failures` of them, whatever share that is; or `altogether`, where those that only write references count, too."""

    percent: int = 40
    minimum: int = 50
    failures: int = 40_000
    altogether: int = 60_000


@dataclass(frozen=True, slots=True)
class ReadSchedule:
    """How often a system is asked for changes and for everything. None: the project's schedule decides."""

    changes: timedelta | None = None
    all: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One SCIM resource type of a gateway, as written.

    `attributes`: SCIM attribute → attribute of the system; None: by their names. `values`: attribute of the system →
    expression over its other attributes. `members`: the resource type that its members are. `prefix`: what comes before
    the system's own ids; None: as is needed for no two resources to have one id.
    """

    name: str
    place: Place
    object: str
    endpoint: str
    schema: str
    attributes: Mapping[str, str] | None = None
    values: Mapping[str, Located] = field(default_factory=dict)
    members: str = "User"
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """A system as a SCIM service. `buffered`: it answers with what was read last."""

    place: Place
    buffered: bool
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class System:
    """One file of `systems/`. `settings` and `objects` are as written, secrets still as placeholders.

    `agents`: the group whose agents run the connector; None: it runs here. `gateway` None: it is not shown as SCIM.
    """

    name: str
    place: Place
    connector: str
    settings: Mapping[str, Any]
    objects: Mapping[str, Mapping[str, Any]]
    safety: Safety = Safety()
    quarantine: Quarantine = Quarantine()
    read: ReadSchedule = ReadSchedule()
    staging: bool = False
    agents: str | None = None
    gateway: Gateway | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """An attribute of the object that a rule reads, and where. `tested`: the rule asks whether it is there at all."""

    name: str
    place: Place
    tested: bool = False


@dataclass(frozen=True, slots=True)
class JoinLine:
    """All pairs must match: identity attribute → expression over the object. `attributes` in sorted order."""

    place: Place
    pairs: Mapping[str, Located]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The identity attributes of the line, sorted; with the identity type they name the join key."""
        return tuple(sorted(self.pairs))


@dataclass(frozen=True, slots=True)
class Choice:
    """One alternative of a flow: used when `when` is true (or absent)."""

    value: Located
    when: Located | None = None
    precedence: int | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """How a reference flow finds its targets.

    Inbound: `text` over the object gives one text or several; `to` says what they name: ("identity", type, attribute)
    for `person.employeeId`, ("object", system, type) for `worker` or `hr/worker`, None for any type of this system.
    Outbound: `text` is a plain identity attribute (`[manager]`), `to` is None.
    """

    text: Located
    to: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class InboundFlow:
    """One metaverse attribute from one mapping. Exactly one of `choices` and `reference` is there."""

    attribute: Attribute
    place: Place
    precedence: int
    choices: tuple[Choice, ...] = ()
    reference: Reference | None = None
    merge: str = "first"
    digest: str = ""


@dataclass(frozen=True, slots=True)
class OutboundFlow:
    """One object attribute from the identity. `unique` names the scope of its unique values, if it has any; `default`
    is its value where the object is made without one."""

    attribute: str
    place: Place
    choices: tuple[Choice, ...] = ()
    reference: Reference | None = None
    many: bool = False
    enforce: str = "always"
    unique: str | None = None
    default: Located | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One deprovision step, `after` the instant at which the object was no longer wanted."""

    do: str
    place: Place
    after: timedelta = timedelta(0)
    to: Located | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a mapping reads into the identity."""

    precedence: int
    flows: tuple[InboundFlow, ...]


@dataclass(frozen=True, slots=True)
class Outbound:
    """What a mapping writes. Without `provision` it only updates objects that are joined.

    `scope`: the identities that take part, `scope_rule` as it is written (a text, or the kind of scope and its groups);
    `out_of_scope`: the steps for an object whose identity left it. What
    `actions` leaves out is no longer here: no steps, flows that are written once; `creates` False: no creates.
    `presence_digest`: what `provision` and `scope` say.
    """

    place: Place
    flows: tuple[OutboundFlow, ...]
    provision: Located | None = None
    deprovision: tuple[Step, ...] = ()
    password: str | None = None
    scope: Scope | None = None
    scope_rule: object = None
    scope_place: Place | None = None
    out_of_scope: tuple[Step, ...] = ()
    creates: bool = True
    presence_digest: str = ""

    @property
    def steps(self) -> tuple[Step, ...]:
        """All that may happen to an object that should not be there."""
        return self.deprovision if self.out_of_scope is self.deprovision else (*self.deprovision, *self.out_of_scope)

    @property
    def asks(self) -> frozenset[str]:
        """What is read of the identity to tell whether the object should exist."""
        provision = self.provision.expression.reads if self.provision is not None else frozenset()
        return provision | (self.scope.reads if self.scope is not None else frozenset())


@dataclass(frozen=True, slots=True)
class MappingRules:
    """One file of `mappings/`: the rules that tie one object type of one system to one metaverse type.

    `reads`: what they read of the object, wherever they do.
    """

    name: str
    place: Place
    system: str
    object: str
    identity: str
    account: str = "main"
    dialect: str = "entra"
    scope: Scope | None = None
    scope_place: Place | None = None
    join: tuple[JoinLine, ...] = ()
    project: bool = False
    several: bool = False
    primary: Located | None = None
    inbound: Inbound | None = None
    outbound: Outbound | None = None
    protect: Located | None = None
    unmanaged: str = "report"
    deleted_elsewhere: str = "recreate"
    was: str | None = None
    reads: tuple[Read, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Computed:
    """A value worked out from the identity itself, after the sources."""

    attribute: Attribute
    place: Place
    value: Located
    enforce: str = "always"
    unique: str | None = None
    keep: str | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class IdentityType:
    """One metaverse type: its attributes (built in and the project's own) and computed values in order of use."""

    name: str
    attributes: Mapping[str, Attribute]
    computed: tuple[Computed, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """Where `muster serve` listens. Files are as written, relative to the folder; `rate` None: no limit."""

    host: str = "127.0.0.1"
    port: int = 8443
    certificate: str | None = None
    key: str | None = None
    address: str | None = None
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Organisation:
    """What the embedded directory says of itself. No domains: names may end in any."""

    name: str
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """The whole folder."""

    name: str
    folder: Path
    store: str
    safety: Safety
    schedule: timedelta | None
    staging: bool
    systems: Mapping[str, System]
    mappings: Mapping[str, MappingRules]
    metaverse: Mapping[str, IdentityType]
    parameters: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    workflows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mail: Mapping[str, Any] = field(default_factory=dict)
    server: Server = Server()
    organisation: Organisation = Organisation("")
    digest: str = ""

    def mappings_of(self, system: str, object_type: str) -> list[MappingRules]:
        """The mappings of one object type of one system, in the order of their names."""
        found = [m for m in self.mappings.values() if m.system == system and m.object == object_type]
        return sorted(found, key=lambda m: m.name)
