"""One file of `systems/` → a connected system, its settings held against the connector's own models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from muster.model.errors import ProjectError
from muster.project.catalogue import ConnectorModel, ConnectorModels
from muster.project.compiling import Compiler
from muster.project.configuration import Quarantine, ReadSchedule, Safety, System
from muster.project.diagnostics import Diagnostics, listed, nearest
from muster.project.document import Document
from muster.project.files.project import SafetyFile
from muster.project.files.system import SystemFile
from muster.project.gateway import gateway_of
from muster.project.secrets import other_placeholders, placeholders, unresolved, valid_name
from muster.project.validation import validated_part
from muster.project.yamltree import Map, Node, Scalar


@dataclass(frozen=True, slots=True)
class BuiltSystem:
    """A system with the file it stands in and its connector's models, as far as the connector is known."""

    system: System
    document: Document
    model: ConnectorModel | None
    broken: frozenset[str] = frozenset()
    """The object types whose settings the connector does not understand."""


def safety_of(base: Safety, file: SafetyFile | None) -> Safety:
    """The limits, with those of `base` where the file says none."""
    if file is None:
        return base
    return Safety(
        deletes=base.deletes if file.deletes is None else file.deletes,
        percent=base.percent if file.percent is None else file.percent,
        members=base.members if file.members is None else file.members,
        updates=base.updates if file.updates is None else file.updates,
    )


def build_system(
    document: Document, file: SystemFile, safety: Safety, connectors: ConnectorModels, compiler: Compiler
) -> BuiltSystem:
    """The system; what its connector does not understand is reported."""
    diagnostics = compiler.diagnostics
    objects: Mapping[str, Mapping[str, object]] = {name: settings or {} for name, settings in file.objects.items()}
    if not objects:
        diagnostics.error(document.value_place(["objects"]), "no object types: name at least one")
    for name in objects:
        if "/" in name:
            diagnostics.error(document.key_place(["objects", name]), f"`{name}`: an object's name cannot hold a /")
    _check_secret_names(document.root, document, diagnostics)
    model = _model(document, file, connectors, diagnostics)
    broken: set[str] = set()
    if model is not None:
        validated_part(model.settings, unresolved(file.settings or {}), document, ["settings"], diagnostics)
        for name, settings in objects.items():
            here = ["objects", name]
            if validated_part(model.object_settings, unresolved(settings), document, here, diagnostics) is None:
                broken.add(name)
    quarantine = file.quarantine
    read = file.read
    return BuiltSystem(
        System(
            name=document.name,
            place=document.key_place(["connector"]),
            connector=file.connector,
            settings=file.settings or {},
            objects=objects,
            safety=safety_of(safety, file.safety),
            quarantine=Quarantine(**quarantine.model_dump()) if quarantine else Quarantine(),
            read=ReadSchedule(read.changes, read.all) if read else ReadSchedule(),
            staging=file.staging,
            agents=file.agents,
            gateway=gateway_of(document, file.gateway, list(objects), compiler) if file.gateway else None,
        ),
        document,
        model,
        frozenset(broken),
    )


def _model(
    document: Document, file: SystemFile, connectors: ConnectorModels, diagnostics: Diagnostics
) -> ConnectorModel | None:
    place = document.value_place(["connector"])
    names = list(connectors.names())
    if file.connector not in names:
        diagnostics.error(
            place, f"unknown connector `{file.connector}`; known: {listed(names, 20)}.", nearest(file.connector, names)
        )
        return None
    try:
        return connectors.models(file.connector)
    except ProjectError as error:
        diagnostics.error(place, error.message)
        return None


def _check_secret_names(node: Node, document: Document, diagnostics: Diagnostics) -> None:
    """A placeholder that cannot be a secret's name is said where it stands; so is one that is not closed."""
    if isinstance(node, Map):
        for child in node.values.values():
            _check_secret_names(child, document, diagnostics)
    elif not isinstance(node, Scalar):
        for child in node.items:
            _check_secret_names(child, document, diagnostics)
    elif isinstance(node.value, str):
        place = document.place_of(node)
        names = placeholders(node.value)
        for name in names:
            if not valid_name(name):
                diagnostics.error(place, f"`{name}` is no name for a secret: use letters, digits, dots, - and _")
        if "${secret:" in node.value and not names:
            diagnostics.error(place, "`${secret:` without a closing brace: write ${secret:NAME}")
        for other in other_placeholders(node.value):
            diagnostics.error(place, f"`{other}` is replaced by nothing: a secret is written ${{secret:NAME}}")
