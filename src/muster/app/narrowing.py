"""An explanation narrowed to what concerns one system, or one attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.model.errors import NotFound
from muster.project.diagnostics import listed, nearest

Entry = Mapping[str, Any]


def narrowed(document: Entry, system: str | None, attribute: str | None) -> dict[str, Any]:
    """What of the document concerns the system and the attribute, in whatever case that is written.

    With a system, the attribute is one of its objects: written there, or read from there. Raises `NotFound` when
    there is none of that name, with the nearest there is.
    """
    attributes, systems, history = document["attributes"], document["systems"], document["history"]
    if system is not None:
        systems = [entry for entry in systems if entry["system"] == system]
        history = [event for event in history if event["system"] == system]
        flows = [
            *(entry["provision"] or {} for entry in systems),
            *(flow for entry in systems for flow in entry["flows"]),
        ]
        reads = {name for flow in flows for name in flow.get("reads", ())}
        attributes = [one for one in attributes if one["name"] in reads or _from(one, system)]
    if attribute is not None:
        wanted = attribute.lower()
        systems = [
            {**entry, "flows": flows}
            for entry in systems
            if (flows := [flow for flow in entry["flows"] if flow["attribute"].lower() == wanted])
        ]
        if system is None:
            attributes = [one for one in attributes if one["name"].lower() == wanted]
        else:
            reads = {name for entry in systems for flow in entry["flows"] for name in flow["reads"]}
            attributes = [one for one in attributes if one["name"] in reads or wanted in _from(one, system)]
        history = [event for event in history if wanted in {name.lower() for name in event["attributes"]}]
        if not attributes and not systems:
            raise NotFound(_no_attribute(document, system, attribute))
    return {**document, "attributes": attributes, "systems": systems, "history": history}


def _from(attribute: Entry, system: str) -> set[str]:
    """The attributes of the system's objects that this attribute of the identity is read from, in lower case."""
    return {name.lower() for name in _sources(attribute, system)}


def _sources(attribute: Entry, system: str) -> set[str]:
    sources = [flow["source"] for flow in attribute["flows"]]
    return {name for one in sources if one.get("system") == system for name in one["attributes"]}


def _no_attribute(document: Entry, system: str | None, attribute: str) -> str:
    name = document["name"] or document["identity"]
    known = {
        flow["attribute"]
        for entry in document["systems"]
        for flow in entry["flows"]
        if system is None or entry["system"] == system
    }
    if system is None:
        known |= {one["name"] for one in document["attributes"]}
        said = f"{document['type']} {name} has no attribute {attribute!r}"
    else:
        known |= {found for one in document["attributes"] for found in _sources(one, system)}
        said = f"no mapping writes or reads {attribute!r} in {system} for {document['type']} {name}"
    close = nearest(attribute, known)
    meant = f" Did you mean {close!r}?" if close else ""
    return f"{said}.{meant} There are {listed(known)}"
