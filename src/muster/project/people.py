"""`roles/*.yaml` and `workflows/*.yaml`: their expressions and the names they use. What they do is said elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from muster.project.compiling import Compiler
from muster.project.diagnostics import listed, nearest
from muster.project.document import Document
from muster.project.files.role import RoleFile
from muster.project.files.workflow import WorkflowFile
from muster.project.names import Names
from muster.project.yamltree import plain

IDENTITY = "person"
DIALECT = "entra"


@dataclass(frozen=True, slots=True)
class PeopleRules:
    """Checks roles and workflows against the rest of the project."""

    names: Names
    compiler: Compiler
    mappings: Collection[str]
    systems: Collection[str]

    def roles(self, files: Mapping[str, tuple[Document, RoleFile]]) -> dict[str, Mapping[str, Any]]:
        """The roles as written, by their own names, in order."""
        found: dict[str, Mapping[str, Any]] = {}
        origin: dict[str, Document] = {}
        for document, file in (files[name] for name in sorted(files)):
            if file.role in origin:
                self.compiler.diagnostics.error(
                    document.value_place(["role"]),
                    f"the role `{file.role}` stands in {origin[file.role].file}, too",
                )
            origin.setdefault(file.role, document)
            found[file.role] = plain(document.root)
            if file.when is not None:
                when = self.compiler.expression(document, ["when"], DIALECT)
                self.names.check(when, IDENTITY, document, ["when"], self.compiler.diagnostics)
            for index, grant in enumerate(file.grants):
                self._grant(document, index, grant)
        for document, file in files.values():
            for index, other in enumerate(file.excludes):
                if other not in found:
                    self.compiler.diagnostics.hint(
                        document.value_place(["excludes", index]),
                        f"unknown role `{other}`; known: {listed(found)}.",
                        nearest(other, found),
                    )
        return dict(sorted(found.items()))

    def _grant(self, document: Document, index: int, grant: Mapping[str, Any]) -> None:
        account = grant.get("account")
        if isinstance(account, str) and account not in self.mappings:
            self.compiler.diagnostics.error(
                document.value_place(["grants", index, "account"]),
                f"unknown mapping `{account}`; known: {listed(self.mappings)}.",
                nearest(account, self.mappings),
            )
        entitlement = grant.get("entitlement")
        system = entitlement.get("system") if isinstance(entitlement, Mapping) else None
        if isinstance(system, str) and system not in self.systems:
            self.compiler.diagnostics.error(
                document.value_place(["grants", index, "entitlement", "system"]),
                f"unknown system `{system}`; known: {listed(self.systems)}.",
                nearest(system, self.systems),
            )

    def workflows(self, files: Mapping[str, tuple[Document, WorkflowFile]]) -> dict[str, Mapping[str, Any]]:
        """The workflows as written, by the names of their files, in order."""
        found: dict[str, Mapping[str, Any]] = {}
        for name in sorted(files):
            document, file = files[name]
            found[name] = plain(document.root)
            if file.scope is not None:
                scope = self.compiler.scope(document, ["scope"], file.scope, DIALECT)
                if scope is not None and scope.located is not None:
                    path = ["scope", "expression"]
                    self.names.check(scope.located, IDENTITY, document, path, self.compiler.diagnostics)
                elif scope is not None:
                    for read in sorted(scope.scope.reads):
                        if (wrong := self.names.wrong(IDENTITY, read)) is not None:
                            self.compiler.diagnostics.error(document.value_place(["scope"]), *wrong)
            attribute = (file.trigger or {}).get("attribute")
            if isinstance(attribute, str) and (wrong := self.names.wrong(IDENTITY, attribute)) is not None:
                self.compiler.diagnostics.error(document.value_place(["trigger", "attribute"]), *wrong)
        return found
