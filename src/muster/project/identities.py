"""`metaverse.yaml` and the built-in types → the identity types of the project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Final

from muster.model.values import Attribute, Type
from muster.project.compiling import Compiler, calls_unique
from muster.project.configuration import Computed, IdentityType
from muster.project.diagnostics import Diagnostics
from muster.project.digests import RuleDigests, digest
from muster.project.document import Document
from muster.project.files.metaverse import ComputedFile, MetaverseFile
from muster.project.metaverse import BUILT_IN, MEMBER_OF
from muster.project.names import Names

DIALECT: Final = "entra"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Metaverse:
    """The identity types, and the attributes of each by name."""

    types: Mapping[str, IdentityType] = field(default_factory=dict)
    open: bool = False
    """True: metaverse.yaml is broken, so a name that is not known may well be right."""

    @property
    def names(self) -> Names:
        """The attributes of every type."""
        return Names({name: kind.attributes for name, kind in self.types.items()}, self.open)

    def computed(self, identity: str, attribute: str) -> Computed | None:
        """How the attribute is computed, if it is."""
        return next((c for c in self.types[identity].computed if c.attribute.name == attribute), None)


def build_metaverse(
    document: Document | None,
    file: MetaverseFile | None,
    compiler: Compiler,
    digests: RuleDigests,
    broken: bool = False,
) -> Metaverse:
    """The built-in types with the project's additions; what is wrong with those is reported and left out.

    `broken`: there is a metaverse.yaml that could not be read.
    """
    attributes = {name: dict(known) for name, known in BUILT_IN.items()}
    if document is None or file is None:
        return Metaverse({name: IdentityType(name, known) for name, known in attributes.items()}, broken)
    for name, added in file.root.items():
        _check_name(name, "type", document, [name], compiler.diagnostics)
        known = attributes.setdefault(name, {})
        for attribute, described in added.attributes.items():
            path = [name, "attributes", attribute]
            _check_name(attribute, "attribute", document, path, compiler.diagnostics)
            made = Attribute(
                attribute, Type(described.type), many=described.many, description=described.description or ""
            )
            built_in = known.get(attribute)
            if built_in and (built_in.type, built_in.many) != (made.type, made.many):
                shape = f"[{built_in.type}]" if built_in.many else str(built_in.type)
                compiler.diagnostics.error(
                    document.value_place(path), f"`{attribute}` is built in as {shape}: leave it out or rename yours"
                )
                continue
            known[attribute] = built_in or made
        for attribute, computed in added.computed.items():
            _check_name(attribute, "attribute", document, [name, "computed", attribute], compiler.diagnostics)
            known.setdefault(attribute, Attribute(attribute, many=computed.keep == "all"))
    names = Names(attributes)
    return Metaverse(
        {
            name: IdentityType(
                name,
                known,
                _computed(name, file.root[name].computed, document, names, compiler, digests)
                if name in file.root
                else (),
            )
            for name, known in sorted(attributes.items())
        }
    )


def _check_name(name: str, what: str, document: Document, path: list[str], diagnostics: Diagnostics) -> None:
    if not _NAME.fullmatch(name):
        diagnostics.error(
            document.key_place(path),
            f"`{name}` is no name for a{'n' if what[0] == 'a' else ''} {what}: use letters, "
            "digits, - and _, a letter first",
        )
    elif name == MEMBER_OF:
        diagnostics.error(document.key_place(path), "`memberOf` is worked out from the `members` of groups")


def _computed(
    identity: str,
    values: Mapping[str, ComputedFile],
    document: Document,
    names: Names,
    compiler: Compiler,
    digests: RuleDigests,
) -> tuple[Computed, ...]:
    """The computed values of one type, each after those it reads."""
    made: dict[str, Computed] = {}
    for name, written in values.items():
        path = [identity, "computed", name]
        value = compiler.expression(document, [*path, "value"], DIALECT)
        if value is None:
            continue
        names.check(value, identity, document, [*path, "value"], compiler.diagnostics)
        attribute = names.types[identity].get(name)
        if attribute is None:
            continue
        unique = written.unique
        if calls_unique(value):
            unique = unique or f"{identity}.{name}"
        if written.keep == "all" and not attribute.many:
            compiler.diagnostics.error(
                document.value_place([*path, "keep"]), f"`keep: all` needs many values, and `{name}` has one"
            )
        made[name] = Computed(
            attribute,
            document.key_place(path),
            value,
            written.enforce,
            unique,
            written.keep,
            digest(digests.expression(value), written.enforce, unique, written.keep),
        )
    return _in_order(identity, made, document, compiler.diagnostics)


def _in_order(
    identity: str, made: dict[str, Computed], document: Document, diagnostics: Diagnostics
) -> tuple[Computed, ...]:
    graph = {
        name: sorted({read.split(".")[0] for read in computed.value.expression.reads} & made.keys())
        for name, computed in sorted(made.items())
    }
    try:
        return tuple(made[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle: list[str] = list(reversed(error.args[1]))
        least = circle.index(min(circle[:-1]))
        circle = [*circle[least:-1], *circle[:least], circle[least]]
        diagnostics.error(
            document.key_place([identity, "computed", circle[0]]),
            f"a computed value must not need itself: {' → '.join(circle)}",
        )
        return ()
