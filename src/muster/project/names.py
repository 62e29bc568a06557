"""Whether a name that an expression reads of an identity exists; paths follow references to the right type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from muster.model.values import Attribute, Type
from muster.project.compiling import name_place
from muster.project.configuration import Located
from muster.project.diagnostics import Diagnostics, nearest
from muster.project.document import Document, Steps
from muster.project.metaverse import MEMBER_OF, targets

_MEMBER_OF = Attribute(MEMBER_OF, Type.REFERENCE, many=True, writable="never", large=True)


_LARGE: Final = (
    "`{path}` is no list of values: `{step}` may name hundreds of thousands, and goes one by one. Write "
    "`{{references: '[{step}]'}}`; if it is short and must be values, let it flow into a reference of your own besides "
    "(metaverse.yaml: `NAME: [reference]`), and read that: `{instead}`"
)
ADD_IT: Final = "add it in metaverse.yaml if it is your own"


@dataclass(frozen=True, slots=True)
class Names:
    """The attributes of every identity type."""

    types: Mapping[str, Mapping[str, Attribute]]
    open: bool = False
    """True: metaverse.yaml is broken, so a name that is not known may well be right."""

    def attribute(self, identity: str, name: str) -> Attribute | None:
        """The attribute that may be read under that name; memberOf is one."""
        return _MEMBER_OF if name == MEMBER_OF else self.types[identity].get(name)

    def wrong(self, identity: str, path: str, *, edges: bool = False) -> tuple[str, str | None] | None:
        """What is wrong with a name or path read of an identity, and the nearest valid one; None: nothing.

        A large reference has no values to be read; with `edges`, it is one itself that is asked for.
        """
        if self.open:
            return None
        here: Iterable[str] = (identity,)
        steps = path.split(".")
        for index, step in enumerate(steps):
            found = [known for kind in here if (known := self.attribute(kind, step))]
            if not found:
                kinds = " or ".join(f"`{kind}`" for kind in here)
                valid = {name for kind in here for name in self.types[kind]} | {MEMBER_OF}
                near = nearest(step, valid)
                meant = ".".join([*steps[:index], near, *steps[index + 1 :]]) if near else None
                advice = "" if meant else f"; {ADD_IT}"
                return f"unknown attribute `{step}` of {kinds}{advice}", meant
            if found[0].large and step != MEMBER_OF and not (edges and len(steps) == 1):
                instead = f"[{'.'.join([*steps[:index], 'NAME', *steps[index + 1 :]])}]"
                return _LARGE.format(path=path, step=step, instead=instead), None
            if index + 1 < len(steps):
                if found[0].type is not Type.REFERENCE:
                    return f"`{step}` is no reference, so `{path}` leads nowhere", None
                here = [kind for kind in targets(step, self.types) if kind in self.types]
        return None

    def check(
        self,
        located: Located | None,
        identity: str,
        document: Document,
        path: Steps,
        diagnostics: Diagnostics,
        *,
        edges: bool = False,
    ) -> None:
        """Report every name that the expression reads and the identity type does not have, at the name."""
        if located is not None:
            self.check_reads(located.expression.reads, identity, document, path, diagnostics, edges=edges)

    def check_reads(
        self,
        reads: Iterable[str],
        identity: str,
        document: Document,
        path: Steps,
        diagnostics: Diagnostics,
        *,
        edges: bool = False,
    ) -> None:
        """The same for names that a rule at `path` reads, in whichever form it is written."""
        for name in sorted(reads):
            if (wrong := self.wrong(identity, name, edges=edges)) is not None:
                diagnostics.unknown(name_place(document, path, name), *wrong)
