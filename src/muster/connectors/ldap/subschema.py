"""The server's subschema (RFC 4512 section 4) → Muster's object schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ldap.schema import AttributeType, ObjectClass, SubSchema

from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.settings import LdapObject
from muster.connectors.ldap.wire import LdapType
from muster.model.errors import ProjectError
from muster.model.schema import ENABLED, ObjectSchema
from muster.model.values import Attribute, Type

_SYNTAX: Final = "1.3.6.1.4.1.1466.115.121.1."
_TYPES: Final[Mapping[str, Type]] = {
    _SYNTAX + "5": Type.BINARY,
    _SYNTAX + "7": Type.BOOLEAN,
    _SYNTAX + "8": Type.BINARY,
    _SYNTAX + "9": Type.BINARY,
    _SYNTAX + "10": Type.BINARY,
    _SYNTAX + "12": Type.REFERENCE,
    _SYNTAX + "23": Type.BINARY,
    _SYNTAX + "24": Type.DATETIME,
    _SYNTAX + "27": Type.INTEGER,
    _SYNTAX + "28": Type.BINARY,
    _SYNTAX + "34": Type.REFERENCE,
    _SYNTAX + "40": Type.BINARY,
}
"""RFC 4517 section 3.3; every other syntax is text."""

_LARGE: Final = frozenset({"member", "uniquemember"})
_HIDDEN: Final = frozenset({"userpassword", "authpassword", "dn"})
_CLASSES: Final = "objectclass"
_EXTENSIBLE: Final = "1.3.6.1.4.1.1466.101.120.111"
"""extensibleObject: its objects may have any attribute (RFC 4512 section 4.3)."""
_SERVER_KEPT: Final = frozenset({"memberof", "ismemberof"})
_NAMES: Final = ("uid", "ou", "cn", "dc")

_DN: Final = Attribute("dn", Type.TEXT, exact=False, description="The distinguished name; writing it renames or moves.")


def ldap_type(
    system: str, name: str, settings: LdapObject, system_base: str, subschema: SubSchema, anchor: str, refint: bool
) -> LdapType:
    """One object type of the system file, as the server declares its class.

    Raises `ProjectError` when a class, the anchor, the naming attribute or the switch is unknown to the server, and
    when the base is no DN.
    """
    where = f"{system}: object {name!r}"
    classes = [_class(where, subschema, one) for one in (settings.object_class, *settings.classes)]
    superiors = _superiors(subschema, classes)
    must, may = subschema.attribute_types([one.names[0] for one in classes])
    attributes: dict[str, Attribute] = {"dn": _DN}
    aliases: dict[str, str] = {}
    comparable: set[str] = set()
    any_attribute = any(one.oid == _EXTENSIBLE for one in classes)
    more = [one for one in subschema.tree(AttributeType) if any_attribute or _operational(subschema, one)]
    for oid, required in [*((o, True) for o in must), *((o, False) for o in may), *((o, False) for o in more)]:
        kind = subschema.get_obj(AttributeType, oid)
        if kind is None or not kind.names or kind.names[0].lower() in _HIDDEN or kind.names[0] in attributes:
            continue
        attribute = _attribute(subschema, kind, required)
        attributes[attribute.name] = attribute
        aliases.update((alias.lower(), attribute.name) for alias in (*kind.names, kind.oid))
        if _inherited(subschema, kind, "equality"):
            comparable.add(attribute.name)
    anchor_name = _known(where, "anchor", settings.anchor or anchor, aliases)
    rdn = settings.rdn or next((one for one in _NAMES if one in aliases), "cn")
    base = settings.base or system_base
    try:
        dns.key(base)
    except dns.MalformedDn as error:
        raise ProjectError(f"{where}: the base {error}.") from None
    switch = settings.enabled
    if switch is not None:
        switch = switch.model_copy(update={"attribute": _known(where, "enabled", switch.attribute, aliases)})
    schema = ObjectSchema(
        name=name,
        anchor=anchor_name,
        attributes=attributes,
        assigned=attributes[anchor_name].writable == "never",
        can_enable=switch is not None,
        naming="dn",
        name_is_dn=True,
        keeps_references=refint,
        aliases=aliases,
        apart=_apart(system, switch is not None or ENABLED in aliases),
        unread=_HIDDEN - {"dn"},
        called=f"object class {' and '.join(one.names[0] for one in classes)}",
        advice=f"correct the name, or add an object class that has it to `classes` in systems/{system}.yaml",
    )
    return LdapType(
        name=name,
        schema=schema,
        classes=tuple(superiors),
        base=base,
        filter=_filter(settings),
        rdn=_known(where, "rdn", rdn, aliases),
        anchor=anchor_name,
        switch=switch,
        placeholder=settings.placeholder_member,
        aliases=aliases,
        comparable=frozenset(comparable),
    )


def _apart(system: str, switched: bool) -> dict[str, str]:
    """What is written otherwise than by a flow."""
    file = f"systems/{system}.yaml"
    apart = {
        _CLASSES: f"new objects get the classes that `class` and `classes` in {file} name. Take the flow out",
        "userpassword": "`password:` under `outbound:` sets the first password. Take the flow out",
    }
    if not switched:
        apart[ENABLED] = f"first name the attribute that switches accounts off, as `enabled:` of the object in {file}"
    return apart


def _filter(settings: LdapObject) -> str:
    by_class = f"(objectClass={settings.object_class})"
    return f"(&{by_class}{settings.filter})" if settings.filter else by_class


def _class(where: str, subschema: SubSchema, name: str) -> ObjectClass:
    found = subschema.get_obj(ObjectClass, name)
    if found is None:
        raise ProjectError(
            f"{where}: the server knows no object class {name!r}. Correct `class` or `classes`, or load the schema "
            "that defines it."
        )
    return found


def _superiors(subschema: SubSchema, classes: Iterable[Any]) -> list[str]:
    """The classes and everything they are derived from, most general first."""
    names: list[str] = []
    for one in classes:
        chain: list[str] = []
        current = one
        while current is not None and current.names[0] not in chain:
            chain.append(current.names[0])
            current = subschema.get_obj(ObjectClass, current.sup[0]) if current.sup else None
        names.extend(name for name in reversed(chain) if name not in names)
    return names


def _known(where: str, setting: str, name: str, aliases: Mapping[str, str]) -> str:
    found = aliases.get(name.lower())
    if found is None:
        raise ProjectError(
            f"{where}: `{setting}` names the attribute {name!r}, which the server's schema does not have."
        )
    return found


def _operational(subschema: SubSchema, oid: str) -> bool:
    kind = subschema.get_obj(AttributeType, oid)
    return kind is not None and kind.usage != 0


def _inherited(subschema: SubSchema, kind: AttributeType, field: str) -> str | None:
    """A field that an attribute type takes from the type it is derived from, when it has none itself."""
    seen: set[str] = set()
    while kind is not None:
        value: str | None = getattr(kind, field)
        if value:
            return value
        if not kind.sup or kind.oid in seen:
            return None
        seen.add(kind.oid)
        kind = subschema.get_obj(AttributeType, kind.sup[0])
    return None


def _attribute(subschema: SubSchema, kind: AttributeType, required: bool) -> Attribute:
    name: str = kind.names[0]
    syntax = _inherited(subschema, kind, "syntax") or ""
    rule = (_inherited(subschema, kind, "equality") or "").lower()
    large = name.lower() in _LARGE
    ignores_case = rule.startswith(("caseignore", "distinguishedname", "telephonenumber", "uniquemember", "objectid"))
    never = kind.no_user_mod or name.lower() in (*_SERVER_KEPT, _CLASSES)
    return Attribute(
        name=name,
        type=_TYPES.get(syntax, Type.TEXT),
        many=not kind.single_value,
        required=required and not never,
        exact=not ignores_case,
        writable="never" if never else "always",
        large=large,
        description=kind.desc or "",
    )
