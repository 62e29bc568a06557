"""Writes the pages of the reference that follow from the code, to docs/reference/generated/. `make docs` runs it.

Keys of the project folder and of connectors from the models that validate them, functions and metaverse attributes
from their registries, options of the command from the command.
"""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from muster.app.connectors import Catalogue
from muster.cli.verbs import VERBS, load
from muster.connectors.kit.registry import connector_class
from muster.expressions.dialects import DIALECTS
from muster.expressions.functions.function import Function, written_by_compiler
from muster.model.values import Attribute
from muster.project.metaverse import BUILT_IN
from muster.project.schemas import FILES, MODELS, schema_of

ROOT: Final = Path(__file__).resolve().parents[1]
TARGET: Final = ROOT / "docs" / "reference" / "generated"
CONNECTORS: Final = ROOT / "src" / "muster" / "connectors"

LAZY: Final[Mapping[str, tuple[str, str]]] = {
    "IIF": ("condition, if true, if false", "The second when the condition is true, else the third, or NULL."),
    "Switch": ("source, default, key1, value1, …", "The value beside the first key that equals the source."),
    "Coalesce": ("source1, source2, …", "The first that is neither NULL nor empty."),
    "ImportedValue": ("attribute", "The attribute as the system showed it, before flows of this run."),
    "Replace": (
        "source, old, regex, group, replacement, replacement attribute, template",
        "Replaces a text, or what a regular expression finds; omitted arguments stay empty between their commas.",
    ),
    "Select": ("variable, list, expression", "The expression for each value of the list."),
    "Where": ("variable, list, condition", "The values of the list for which the condition is true."),
    "With": ("variable, value, expression", "The expression, with the value under a name of its own."),
}
"""Arguments and meaning of what the compiler writes itself, and so has no function to ask."""

LAZY_ELSEWHERE: Final[Mapping[str, tuple[str, str]]] = {
    "Switch": ("condition1, value1, condition2, value2, …", "The value beside the first condition that is true."),
}


def main() -> None:
    """Write them all; what is no longer made is removed."""
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    pages = {
        "project-folder": project_folder(),
        "functions": functions(),
        "attributes": attributes(),
        "options": options(),
        **{f"connector-{name}": connector(name) for name in Catalogue().names() if name != "memory"},
    }
    for name, text in pages.items():
        (TARGET / f"{name}.md").write_text(text.rstrip() + "\n", encoding="utf-8")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# --- keys of files


def project_folder() -> str:
    """Every key of every file."""
    parts = [
        "# Project folder",
        "Every key of every file. `muster check` refuses a key that does not stand here and names the nearest; "
        "`muster schema` gives the same to your editor.",
        "In version 0.1, `schedule`, `read: {changes: …}`, `mail`, roles and workflows are checked and not yet acted "
        "on: start runs with a timer of the operating system.",
    ]
    for name, model in MODELS.items():
        parts.append(f"## `{FILES[name]}`")
        parts.append(_first(model))
        schema = schema_of(model)
        if "properties" in schema:
            parts.append(keys(schema, schema.get("$defs", {})))
        for kind, inner in sorted(schema.get("$defs", {}).items()):
            long = _long(inner)
            if "properties" in long and not kind.startswith("_"):
                parts.append(f"### {_title(kind)} {{ #{name}-{kind.lower()} }}")
                parts.append(_sentence(long.get("description", "")))
                parts.append(keys(long, schema["$defs"]))
    return "\n\n".join(part for part in parts if part)


def keys(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The keys of one JSON Schema of an object, as a table."""
    required = set(schema.get("required", ()))
    rows = []
    for name, found in schema["properties"].items():
        default = found.get("default")
        shown = "required" if name in required else "" if default in (None, {}, []) else f"`{_yaml(default)}`"
        rows.append([f"`{name}`", _kind(found, definitions), shown, _sentence(found.get("description", ""))])
    return table(["key", "holds", "default", "meaning"], rows)


def _long(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a model that may be written shorter, the long form."""
    forms = [one for one in schema.get("anyOf", ()) if "properties" in one]
    return forms[-1] if forms and "properties" not in schema else schema


def _kind(found: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in found:
        name = str(found["$ref"]).rpartition("/")[2]
        meant = definitions.get(name, {})
        return _kind(meant, definitions) if "enum" in meant else _title(name)
    if "enum" in found or "const" in found:
        return ", ".join(f"`{_yaml(one)}`" for one in found.get("enum", [found.get("const")]))
    if "anyOf" in found:
        forms = dict.fromkeys(_kind(one, definitions) for one in found["anyOf"] if one.get("type") != "null")
        return " or ".join(forms)
    kind = found.get("type")
    if isinstance(kind, list):
        return "expression" if "string" in kind else ", ".join(map(str, kind))
    if kind == "array":
        inner = found.get("items", {})
        return f"list of {_kind(inner, definitions)}" if inner else "list"
    if kind == "object":
        inner = found.get("additionalProperties")
        return f"names, each with {_kind(inner, definitions)}" if isinstance(inner, Mapping) and inner else "keys"
    if kind == "string" and found.get("examples"):
        return f"text like `{found['examples'][0]}`"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return words.get(str(kind), "anything")


def _title(kind: str) -> str:
    """`InboundFlowFile` → `inbound flow`."""
    plain = kind.removesuffix("File").removesuffix("Settings")
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in plain).strip()


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _first(model: type[BaseModel]) -> str:
    return _sentence(inspect.cleandoc(model.__doc__ or "").split("\n\n")[0])


# --- connectors


def connector(name: str) -> str:
    """The connector's README with its settings, as its models say them."""
    kind = connector_class(name)
    readme = CONNECTORS / name / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else f"# {name}\n\n{kind.spec.summary}"
    parts = [text.rstrip(), "## All keys"]
    for title, model in (
        ("Under `settings`:", kind.spec.settings),
        ("Under each name in `objects`:", kind.spec.object_settings),
    ):
        schema = schema_of(model)
        definitions = schema.get("$defs", {})
        parts += [title, keys(_long(schema), definitions)]
        for inner_name, inner in sorted(definitions.items()):
            long = _long(inner)
            if "properties" in long:
                parts += [f"Of {_title(inner_name)}:", keys(long, definitions)]
    return "\n\n".join(parts)


# --- expressions


def functions() -> str:
    """Every function with its arguments, meaning and dialects."""
    parts = [
        "# Expression functions",
        "Names are not case-sensitive. `entra` is the default dialect; a mapping says `dialect: connect` or "
        "`dialect: mim` for the others. A function that means two things stands here twice.",
        'Try one: `muster expression eval \'PadLeft("7", 3, "0")\'`.',
    ]
    found: dict[str, dict[int, tuple[Function, list[str]]]] = {}
    for dialect, language in DIALECTS.items():
        for function in language.functions.values():
            entry = found.setdefault(function.name, {}).setdefault(id(function), (function, []))
            entry[1].append(dialect)
    rows = []
    for name in sorted(found, key=str.lower):
        for function, dialects in found[name].values():
            where = "all" if len(dialects) == len(DIALECTS) else ", ".join(dialects)
            arguments, meaning = _described(function, dialects)
            rows.append([f"`{name}({arguments})`", meaning, where])
    parts.append(table(["function", "gives", "dialects"], rows))
    return "\n\n".join(parts)


def _described(function: Function, dialects: Sequence[str]) -> tuple[str, str]:
    if function.call is written_by_compiler:
        table_of = LAZY if "entra" in dialects or function.name not in LAZY_ELSEWHERE else LAZY_ELSEWHERE
        return table_of[function.name]
    text = _sentence(inspect.cleandoc(function.call.__doc__ or "").split("\n\n")[0])
    if text.startswith("`") and "`: " in text:
        signature, _, text = text.partition("`: ")
        if signature.startswith("`") and "(" in signature:
            return signature.partition("(")[2].partition(")")[0], text[:1].upper() + text[1:]
        return _parameters(function), text[:1].upper() + text[1:]
    return _parameters(function), text or f"`{function.name.removeprefix('Cert')}` of the certificate."


def _parameters(function: Function) -> str:
    names = [name.replace("_", " ") for name in inspect.signature(function.call).parameters]
    return ", ".join(names[1:] if function.context else names)


# --- metaverse


def attributes() -> str:
    """The built-in attributes by type."""
    parts = [
        "# Metaverse attributes",
        "The built-in types and attributes, by the names of Microsoft Graph. `metaverse.yaml` adds your own. "
        "`memberOf` may be read of every identity: it is the reverse of `members`.",
    ]
    for kind, known in sorted(BUILT_IN.items()):
        parts.append(f"## `{kind}`")
        extensions = [name for name in known if name.startswith("extensionAttribute")]
        rows = [[f"`{name}`", _type(one), one.description] for name, one in known.items() if name not in extensions]
        if extensions:
            rows.append(["`extensionAttribute1` … `extensionAttribute15`", "text", ""])
        parts.append(table(["attribute", "type", ""], rows))
    return "\n\n".join(parts)


def _type(attribute: Attribute) -> str:
    return f"{attribute.type}, many values" if attribute.many else str(attribute.type)


# --- the command


def options() -> str:
    """What `--help` says of each verb."""
    os.environ["COLUMNS"] = "100"
    parts = [
        "# Options of every verb",
        "What `muster VERB --help` says. Before the verb: `-C DIR`, the project folder.",
    ]
    for verb, summary in VERBS.items():
        parts.append(f"## muster {verb}\n\n{summary}")
        command = load(verb)
        inner = getattr(command, "commands", None) or {"": command}
        for name, one in inner.items():
            path = f"muster {verb} {name}".strip()
            with one.make_context(path, [], resilient_parsing=True) as context:
                parts.append(f"```text\n{one.get_help(context)}\n```")
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
