"""What the parts of one mapping are built with: its file, the metaverse, the systems, and the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from muster.expressions import Expression, Scope
from muster.model.values import Attribute
from muster.project.compiling import CompiledScope, Compiler, calls_unique, name_place
from muster.project.configuration import Choice, Located, Read
from muster.project.diagnostics import Diagnostics, listed, nearest
from muster.project.digests import RuleDigests
from muster.project.document import Document, Steps
from muster.project.files.flow import FlowFile
from muster.project.files.mapping import MappingFile
from muster.project.files.scope import ScopeFile
from muster.project.identities import Metaverse
from muster.project.metaverse import MEMBER_OF
from muster.project.names import ADD_IT

SystemObjects = Mapping[str, frozenset[str] | None]
"""The object types of every system by name; None: its file is broken, so nobody knows."""

SELECT_UNIQUE_HERE = (
    "SelectUniqueValue stands only in outbound flows and in `computed` values of metaverse.yaml: "
    "a name is given out once, when it is needed"
)


@dataclass(frozen=True, slots=True)
class MappingContext:
    """One mapping while it is being built. `identity` is None when the file names a type that does not exist.

    `reads` collects what its rules read of the object.
    """

    document: Document
    file: MappingFile
    identity: str | None
    metaverse: Metaverse
    systems: SystemObjects
    compiler: Compiler
    digests: RuleDigests
    reads: list[Read] = field(default_factory=list)

    @property
    def diagnostics(self) -> Diagnostics:
        """Where this mapping's faults go."""
        return self.compiler.diagnostics

    def over_object(self, path: Steps) -> Located | None:
        """An expression over the object. Its attributes are known to the system only."""
        found = self.compiler.expression(self.document, path, self.file.dialect)
        if found is not None:
            self._note_reads(path, found.expression)
        self._no_unique(found)
        return found

    def scope(self, path: Steps, written: ScopeFile) -> CompiledScope | None:
        """A scope over the object, in whichever of its forms."""
        found = self.compiler.scope(self.document, path, written, self.file.dialect)
        if found is not None:
            self._note_reads([*path, written.given()[0]], found.scope)
        self._no_unique(found.located if found is not None else None)
        return found

    def scope_of_identities(self, path: Steps, written: ScopeFile) -> CompiledScope | None:
        """A scope over the identity, every name checked."""
        found = self.compiler.scope(self.document, path, written, self.file.dialect)
        if found is not None and self.identity is not None:
            here = [*path, written.given()[0]]
            self.metaverse.names.check_reads(found.scope.reads, self.identity, self.document, here, self.diagnostics)
        self._no_unique(found.located if found is not None else None)
        return found

    def over_identity(self, path: Steps, unique: bool = False, edges: bool = False) -> Located | None:
        """An expression over the identity, every name checked.

        `unique`: SelectUniqueValue may be all of it; `edges`: it names a reference, of which the edges are written.
        """
        found = self.compiler.expression(self.document, path, self.file.dialect)
        if found is not None and self.identity is not None:
            self.metaverse.names.check(found, self.identity, self.document, path, self.diagnostics, edges=edges)
        if not unique:
            self._no_unique(found)
        return found

    def _note_reads(self, path: Steps, rule: Expression | Scope) -> None:
        for name in sorted(rule.reads):
            self.reads.append(Read(name, name_place(self.document, path, name), name in rule.tested))

    def _no_unique(self, found: Located | None) -> None:
        if found is not None and calls_unique(found):
            self.diagnostics.error(found.place, SELECT_UNIQUE_HERE)

    def choices(self, flow: FlowFile, path: Steps, inbound: bool) -> tuple[Choice, ...] | None:
        """The alternatives of a flow; None when one of them does not compile."""
        made: list[Choice] = []
        complete = True
        for index, written in enumerate(flow.value or ()):
            here = [*path, "value", index]
            when_path: Steps | None = [*here, "when"] if written.when is not None else None
            if flow.when is not None:
                when_path = [*path, "when"]
            over = self.over_object if inbound else self.over_identity
            when = over(when_path) if when_path else None
            value = self.over_object([*here, "value"]) if inbound else self.over_identity([*here, "value"], unique=True)
            complete = complete and value is not None and (when is not None or when_path is None)
            if value is not None:
                made.append(Choice(value, when, written.precedence))
        return tuple(made) if complete else None

    def identity_attribute(self, name: str, path: Steps) -> Attribute | None:
        """The metaverse attribute that a key names, or None, which the diagnostics then explain."""
        if self.identity is None:
            return None
        known = self.metaverse.types[self.identity].attributes
        if name in known:
            return known[name]
        if self.metaverse.open and name != MEMBER_OF:
            return None
        place = self.document.key_place(path)
        if name == MEMBER_OF:
            self.diagnostics.error(place, "`memberOf` is worked out from the `members` of groups: flow those")
        else:
            self.diagnostics.unknown(
                place, f"unknown attribute `{name}` of `{self.identity}`; {ADD_IT}", nearest(name, known)
            )
        return None

    def known_system(self) -> bool:
        """Report a system or object that does not exist; whether both do, as far as can be told."""
        name, wanted = self.file.system, self.file.object
        if name not in self.systems:
            self.diagnostics.unknown(
                self.document.value_place(["system"]),
                f"unknown system `{name}`; there is no systems/{name}.yaml. Known: {listed(self.systems)}.",
                nearest(name, self.systems),
            )
            return False
        objects = self.systems[name]
        if objects is not None and wanted not in objects:
            self.diagnostics.unknown(
                self.document.value_place(["object"]),
                f"unknown object `{wanted}` of system `{name}`; systems/{name}.yaml has {listed(objects)}.",
                nearest(wanted, objects),
            )
            return False
        return True
