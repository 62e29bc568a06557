"""The project folder → a `Project`, or everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from muster.model.errors import ProjectError
from muster.project.catalogue import ConnectorModels
from muster.project.check import BuiltMapping, check_mappings
from muster.project.compiling import Compiler, expression_text
from muster.project.configuration import Organisation, Place, Project, Safety, System
from muster.project.context import MappingContext, SystemObjects
from muster.project.diagnostics import Diagnostic, Diagnostics
from muster.project.digests import RuleDigests, digest
from muster.project.document import Document, read_document
from muster.project.extensions import Extensions, load_extensions
from muster.project.files.mapping import MappingFile
from muster.project.files.metaverse import MetaverseFile
from muster.project.files.project import ProjectFile
from muster.project.files.role import RoleFile
from muster.project.files.system import SystemFile
from muster.project.files.workflow import WorkflowFile
from muster.project.folder import METAVERSE_FILE, PROJECT_FILE, files_of
from muster.project.identities import Metaverse, build_metaverse
from muster.project.mappings import build_mapping
from muster.project.people import PeopleRules
from muster.project.serving import check_server, server_of
from muster.project.systems import BuiltSystem, build_system, safety_of
from muster.project.validation import validated

File = TypeVar("File", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded:
    """`project` is there when nothing is wrong; hints may stand beside it. `diagnostics` are sorted by place."""

    project: Project | None
    diagnostics: list[Diagnostic]

    @property
    def errors(self) -> list[Diagnostic]:
        """What must be mended."""
        return [d for d in self.diagnostics if d.severity == "error"]

    def required(self) -> Project:
        """The project, or `ProjectError` with all that is wrong, a line each."""
        if self.project is None:
            raise ProjectError("\n".join(str(d) for d in self.errors))
        return self.project


def load_project(
    folder: Path, *, connectors: ConnectorModels, functions: Mapping[str, Callable[..., Any]] | None = None
) -> Loaded:
    """Read, check and type the whole folder. Connects to nothing and looks no secret up."""
    diagnostics = Diagnostics()
    if not (folder / PROJECT_FILE).is_file():
        where = "this folder" if folder.is_dir() else f"{folder}, which is no folder"
        diagnostics.error(
            Place(PROJECT_FILE, 1, 1), f"there is no {PROJECT_FILE} in {where}: make a project with `muster init DIR`"
        )
        return Loaded(None, diagnostics.sorted())
    head = _one(folder, PROJECT_FILE, ProjectFile, diagnostics)
    parameters = _parameters(head, diagnostics)
    own = load_extensions(folder, diagnostics)
    extensions = Extensions({**(functions or {}), **own.functions}, own.digests)
    compiler = Compiler(parameters, extensions, diagnostics)
    rules = RuleDigests(extensions.digests)

    metaverse = _metaverse(folder, compiler, rules)

    safety = safety_of(Safety(), head[1].safety if head else None)
    systems, objects = _systems(folder, safety, connectors, compiler)
    mappings, mapping_names = _mappings(folder, metaverse, objects, compiler, rules)
    check_mappings(mappings, systems, connectors, diagnostics)

    people = PeopleRules(metaverse.names, compiler, mapping_names, objects)
    roles = people.roles(_all(folder, "roles", RoleFile, diagnostics)[0])
    workflows = people.workflows(_all(folder, "workflows", WorkflowFile, diagnostics)[0])

    if head is not None:
        check_server(head[0], head[1].server, diagnostics)
    if diagnostics.failed or head is None:
        return Loaded(None, diagnostics.sorted())
    if mappings and not any(built.rules.project for built in mappings.values()):
        diagnostics.hint(
            Place(PROJECT_FILE, 1, 1), "no mapping says `project: true`, so no identity ever comes into being"
        )
    file = head[1]
    project = Project(
        name=file.project,
        folder=folder,
        store=file.store,
        safety=safety,
        schedule=file.schedule,
        staging=file.staging,
        systems={name: built.system for name, built in systems.items()},
        mappings={name: built.rules for name, built in mappings.items()},
        metaverse=metaverse.types,
        parameters=parameters,
        roles=roles,
        workflows=workflows,
        mail=file.mail,
        server=server_of(file.server),
        organisation=Organisation(file.directory.name or file.project, tuple(file.directory.domains)),
        digest=_project_digest(file, systems, mappings, metaverse, extensions, roles, workflows),
    )
    return Loaded(project, diagnostics.sorted())


def _one(folder: Path, file: str, model: type[File], diagnostics: Diagnostics) -> tuple[Document, File] | None:
    document = read_document(folder, file, diagnostics)
    if document is None:
        return None
    found = validated(model, document, diagnostics)
    return None if found is None else (document, found)


def _all(
    folder: Path, kind: str, model: type[File], diagnostics: Diagnostics
) -> tuple[dict[str, tuple[Document, File]], set[str]]:
    """The files of one folder that fit their model, by name; and the names of all, fitting or not."""
    found: dict[str, tuple[Document, File]] = {}
    names: set[str] = set()
    for file in files_of(folder, kind, diagnostics):
        names.add(Path(file).stem)
        if (one := _one(folder, file, model, diagnostics)) is not None:
            found[Path(file).stem] = one
    return found, names


def _metaverse(folder: Path, compiler: Compiler, rules: RuleDigests) -> Metaverse:
    if not (folder / METAVERSE_FILE).is_file():
        return build_metaverse(None, None, compiler, rules)
    document, file = _one(folder, METAVERSE_FILE, MetaverseFile, compiler.diagnostics) or (None, None)
    return build_metaverse(document, file, compiler, rules, broken=file is None)


def _parameters(head: tuple[Document, ProjectFile] | None, diagnostics: Diagnostics) -> dict[str, str]:
    if head is None:
        return {}
    document, file = head
    parameters: dict[str, str] = {}
    for name, value in file.parameters.items():
        if not isinstance(value, str | int | float):
            place = document.value_place(["parameters", name])
            diagnostics.error(place, f"the parameter `{name}` must be one text or number")
        parameters[name] = expression_text(value)
    return parameters


def _systems(
    folder: Path, safety: Safety, connectors: ConnectorModels, compiler: Compiler
) -> tuple[dict[str, BuiltSystem], SystemObjects]:
    files, names = _all(folder, "systems", SystemFile, compiler.diagnostics)
    built = {
        name: build_system(document, file, safety, connectors, compiler) for name, (document, file) in files.items()
    }
    objects: dict[str, frozenset[str] | None] = dict.fromkeys(sorted(names))
    objects |= {name: frozenset(found.system.objects) for name, found in built.items()}
    return built, objects


def _mappings(
    folder: Path, metaverse: Metaverse, objects: SystemObjects, compiler: Compiler, rules: RuleDigests
) -> tuple[dict[str, BuiltMapping], set[str]]:
    files, names = _all(folder, "mappings", MappingFile, compiler.diagnostics)
    built: dict[str, BuiltMapping] = {}
    for name, (document, file) in files.items():
        identity = file.identity if file.identity in metaverse.types else None
        context = MappingContext(document, file, identity, metaverse, objects, compiler, rules)
        built[name] = BuiltMapping(build_mapping(context), document)
    return built, names


def _project_digest(
    file: ProjectFile,
    systems: Mapping[str, BuiltSystem],
    mappings: Mapping[str, BuiltMapping],
    metaverse: Metaverse,
    extensions: Extensions,
    roles: Mapping[str, Any],
    workflows: Mapping[str, Any],
) -> str:
    return digest(
        file.model_dump(exclude={"server", "directory"}),
        {name: _system_digest(built.system) for name, built in systems.items()},
        {name: built.rules.digests for name, built in mappings.items()},
        {
            name: [
                {a.name: [a.type, a.many] for a in kind.attributes.values()},
                {c.attribute.name: c.digest for c in kind.computed},
            ]
            for name, kind in metaverse.types.items()
        },
        extensions.digests,
        roles,
        workflows,
    )


def _system_digest(system: System) -> list[Any]:
    return [
        system.connector,
        system.settings,
        system.objects,
        system.staging,
        system.agents,
        str(system.safety),
        str(system.read),
    ]
