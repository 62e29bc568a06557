"""The schema naming context → Muster's object schemas.

The subschema (RFC 4512) that Active Directory shows has no lengths, no links and no rules of equality.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeAlias

import ldap
from ldap.filter import escape_filter_chars

from muster.connectors.active_directory.forms import FileTime, Guid, Sid
from muster.connectors.active_directory.settings import AdObject
from muster.connectors.active_directory.views import LAST_SET, LOCKOUT, View, views_of
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.session import Session
from muster.connectors.ldap.wire import Entry, Form, LdapType
from muster.model.errors import ProjectError
from muster.model.schema import ENABLED, ObjectSchema
from muster.model.values import Attribute, Type

ANCHOR: Final = "objectGUID"
MEMBER: Final = "member"

_TYPES: Final[Mapping[str, Type]] = {
    "2.5.5.1": Type.REFERENCE,
    "2.5.5.8": Type.BOOLEAN,
    "2.5.5.9": Type.INTEGER,
    "2.5.5.10": Type.BINARY,
    "2.5.5.11": Type.DATETIME,
    "2.5.5.15": Type.BINARY,
    "2.5.5.16": Type.INTEGER,
}
"""MS-ADTS section 3.1.1.2.2.2; every other syntax is text."""

_SID_SYNTAX: Final = "2.5.5.17"
_EXACT: Final = frozenset({"2.5.5.3", "2.5.5.5"})
_CONSTRUCTED: Final = 0x4
_NOT_REPLICATED: Final = 0x1
_TIMES: Final = frozenset(
    {
        "accountExpires",
        "badPasswordTime",
        "creationTime",
        "lastLogoff",
        "lastLogon",
        "lastLogonTimestamp",
        LOCKOUT,
        LAST_SET,
        "msDS-LastFailedInteractiveLogonTime",
        "msDS-LastSuccessfulInteractiveLogonTime",
        "msDS-UserPasswordExpiryTimeComputed",
        "msLAPS-PasswordExpirationTime",
        "ms-Mcs-AdmPwdExpirationTime",
    }
)
"""Large integers that count time."""

_HIDDEN: Final = frozenset(
    {"unicodePwd", "userPassword", "dBCSPwd", "lmPwdHistory", "ntPwdHistory", "supplementalCredentials"}
    | {"unixUserPassword", "msSFU30Password", "objectClass", "nTSecurityDescriptor", "dn", ENABLED}
    | {"replPropertyMetaData", "replUpToDateVector", "repsFrom", "repsTo", "dSCorePropagationData"}
    | {"partialAttributeSet", "partialAttributeDeletionList", "objectCategory", "isDeleted", "isRecycled"}
)
"""Secrets, and what is the server's own affair."""

_COMPUTED: Final = frozenset(
    {"canonicalName", "createTimeStamp", "modifyTimeStamp", "msDS-PrincipalName", "primaryGroupToken"}
    | {"msDS-ResultantPSO", "msDS-UserPasswordExpiryTimeComputed"}
)
"""Of the attributes that the server computes, those that a search of many objects may ask for and people want."""

_KEPT_BY_SERVER: Final = frozenset(
    {LAST_SET, LOCKOUT, "badPasswordTime", "badPwdCount", "lastLogoff", "lastLogon", "lastLogonTimestamp"}
    | {"logonCount", "sAMAccountType", "isCriticalSystemObject", "name", "distinguishedName"}
)
"""Only the server writes these, whatever its schema says; some through a view."""

_KEEPS_CASE: Final = frozenset({"proxyAddresses"})
"""Compared without case by the server, and case means something in them: SMTP: is the main address."""

_MADE_BY_SERVER: Final = frozenset(
    {"cn", "ou", "groupType", "instanceType", "nTSecurityDescriptor", "objectCategory", "objectClass", "objectSid"}
    | {"sAMAccountName"}
)
_CATEGORIES: Final[Mapping[str, str]] = {
    "user": "(&(objectClass=user)(sAMAccountType=805306368))",
    "group": "(objectCategory=group)",
    "contact": "(&(objectCategory=person)(objectClass=contact))",
    "computer": "(&(objectClass=computer)(sAMAccountType=805306369))",
    "organizationalunit": "(objectCategory=organizationalUnit)",
}
"""Filters by index. Computers and trusts are objectClass=user, too; their sAMAccountType is another."""

_OF_EXTENSIONS: Final = (
    r"(?:msExch|msDS-|msRTCSIP-|msLAPS-|ms-Mcs-)[\w-]+|extensionAttribute(?:[1-9]|1[0-5])|mailNickname|targetAddress|"
    r"proxyAddresses|legacyExchangeDN|homeMDB|altRecipient|publicDelegates|authOrig|unauthOrig|dLMem\w+|"
    r"hideDLMembership|oOFReplyToOriginator|reportToOriginator|reportToOwner|deliverAndRedirect|delivContLength"
)
"""What Exchange, Skype, LAPS and newer versions of Windows add to a forest's schema, or to more classes: a mapping
for domains in general reads it, and it is there or not."""

_DN: Final = Attribute("dn", Type.TEXT, exact=False, description="The distinguished name; writing it renames or moves.")
_TOGETHER: Final = 500
_NAME: Final = "lDAPDisplayName"
_MUST: Final = ("mustContain", "systemMustContain")
_CONTAINED: Final = (*_MUST, "mayContain", "systemMayContain")
_AUXILIARY: Final = ("auxiliaryClass", "systemAuxiliaryClass")
_RELATED: Final = ("subClassOf", *_AUXILIARY)
_CLASS_FIELDS: Final = [_NAME, *_CONTAINED, *_RELATED, "rDNAttID"]
_ATTRIBUTE_FIELDS: Final = [
    *(_NAME, "attributeSyntax", "isSingleValued", "rangeUpper", "systemOnly", "systemFlags", "linkID"),
    *("adminDescription", "schemaIDGUID", "attributeSecurityGUID"),
]


_Class: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class AdType(LdapType):
    """One object type in one domain.

    `bases`: where its objects are; each is a partition of a read. `limits`: attribute → the longest text it takes.
    `replicated`: the attributes whose changes DirSync tells.
    """

    object_class: str = ""
    bases: tuple[str, ...] = ()
    views: Mapping[str, View] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    replicated: frozenset[str] = frozenset()
    primary_group: bool = False
    create_containers: bool = False

    def partition(self, dn: str) -> str | None:
        """The base that the entry lies below; None when it is outside of the type."""
        return next((base for base in self.bases if dns.below(dn, base)), None)


class DirectorySchema:
    """Some classes of one forest, with what they are derived from and their attributes."""

    def __init__(self, session: Session, where: str, classes: Iterable[str]) -> None:
        self._classes: dict[str, _Class] = {}
        self._attributes: dict[str, Entry] = {}
        wanted = set(classes)
        while wanted:
            for entry in _named(session, where, wanted, _CLASS_FIELDS):
                one = {name: [value.decode() for value in values] for name, values in entry.items()}
                self._classes[one[_NAME][0].lower()] = one
            related = {name for one in self._classes.values() for key in _RELATED for name in one.get(key, ())}
            wanted = {name for name in related - wanted if name.lower() not in self._classes}
        attributes = {name for one in self._classes.values() for key in _CONTAINED for name in one.get(key, ())}
        for entry in _named(session, where, attributes, _ATTRIBUTE_FIELDS):
            self._attributes[entry[_NAME][0].decode().lower()] = entry

    def guids(self, name: str) -> tuple[bytes, ...]:
        """What an access right may name for the attribute: itself, and the property set it belongs to."""
        entry = self._attributes[name.lower()]
        return tuple(entry[key][0] for key in ("schemaIDGUID", "attributeSecurityGUID") if entry.get(key))

    def type_of(self, system: str, name: str, settings: AdObject, root: str, bases: tuple[str, ...]) -> AdType:
        """One object type of the system file in the domain `root`. Raises `ProjectError` for an unknown class."""
        chain = self._chain(f"{system}: object {name!r}", settings.object_class)
        object_class = chain[-1][_NAME][0]
        attributes: dict[str, Attribute] = {"dn": _DN}
        forms: dict[str, Form] = {}
        limits: dict[str, int] = {}
        replicated: set[str] = set()
        unread = {one.lower() for one in _HIDDEN if one not in ("dn", ENABLED)}
        for required, display in self._attributes_of(chain):
            entry = self._attributes.get(display.lower())
            if entry is None or display in _HIDDEN or display in attributes:
                continue
            if _flags(entry) & _CONSTRUCTED and display not in _COMPUTED:
                unread.add(display.lower())
                continue
            attribute = _attribute(entry, display, required)
            attributes[display] = attribute
            form = _form(entry, display)
            if form is not None:
                forms[display] = form
            if entry.get("rangeUpper") and attribute.type is Type.TEXT:
                limits[display] = int(entry["rangeUpper"][0])
            if not _flags(entry) & (_CONSTRUCTED | _NOT_REPLICATED) and not _is_back_link(entry):
                replicated.add(display)
        if object_class.lower() in ("user", "inetorgperson"):
            limits["sAMAccountName"] = 20
        views = views_of(attributes)
        attributes.update((view.name, view.attribute) for view in views.values() if view.name != ENABLED)
        aliases = {one.lower(): one for one in attributes if one not in views and one != "dn"}
        schema = ObjectSchema(
            name=name,
            anchor=ANCHOR,
            attributes=attributes,
            assigned=True,
            can_enable=ENABLED in views,
            naming="dn",
            name_is_dn=True,
            keeps_references=True,
            aliases=aliases,
            apart=_apart(f"systems/{system}.yaml"),
            unread=frozenset(unread),
            optional=_OF_EXTENSIONS,
            called=f"class {object_class}",
            advice="correct the name, or have the forest's schema extended",
        )
        by_class = _CATEGORIES.get(object_class.lower(), f"(objectClass={object_class})")
        return AdType(
            name=name,
            schema=schema,
            classes=tuple(one[_NAME][0] for one in chain),
            base=root,
            filter=f"(&{by_class}{settings.filter})" if settings.filter else by_class,
            rdn=self._rdn(chain),
            anchor=ANCHOR,
            aliases=aliases,
            forms=forms,
            object_class=object_class,
            bases=bases,
            views=views,
            limits=limits,
            replicated=frozenset(replicated),
            primary_group=settings.primary_group,
            create_containers=settings.create_containers,
        )

    def _chain(self, where: str, name: str) -> list[_Class]:
        """The class and everything it is derived from, most general first."""
        chain: list[_Class] = []
        current = name
        while (found := self._classes.get(current.lower())) is not None and found not in chain:
            chain.insert(0, found)
            current = found["subClassOf"][0]
        if not chain:
            raise ProjectError(
                f"{where}: the domain knows no class {name!r}. Correct `class`: user, group, contact, computer, "
                "organizationalUnit, or another class of its schema."
            )
        return chain

    def _attributes_of(self, chain: Iterable[_Class]) -> Iterator[tuple[bool, str]]:
        for one in self._with_auxiliaries(chain, set()):
            yield from ((key in _MUST, name) for key in _CONTAINED for name in one.get(key, ()))

    def _with_auxiliaries(self, chain: Iterable[_Class], seen: set[str]) -> Iterator[_Class]:
        for one in chain:
            name = one[_NAME][0]
            if name in seen:
                continue
            seen.add(name)
            yield one
            for auxiliary in (name for key in _AUXILIARY for name in one.get(key, ())):
                yield from self._with_auxiliaries(self._chain(auxiliary, auxiliary), seen)

    def _rdn(self, chain: Iterable[_Class]) -> str:
        found = "cn"
        for one in chain:
            found = one.get("rDNAttID", [found])[0]
        return found


def _apart(file: str) -> dict[str, str]:
    """What is written otherwise than by a flow, in lower case."""
    first = "`password:` under `outbound:` sets the first password. Take the flow out"
    return {
        "objectclass": f"new objects get the class that `class` in {file} names. Take the flow out",
        "unicodepwd": first,
        "userpassword": first,
    }


def _named(session: Session, where: str, names: Iterable[str], fields: Sequence[str]) -> Iterator[Entry]:
    """The classes or attributes of these names; by name, which is quicker than to read a whole schema."""
    rest = iter(sorted(names))
    while some := list(islice(rest, _TOGETHER)):
        asked = "".join(f"({_NAME}={escape_filter_chars(name)})" for name in some)
        yield from (entry for _, entry in session.search(where, ldap.SCOPE_ONELEVEL, f"(|{asked})", fields))


def _attribute(entry: Entry, name: str, required: bool) -> Attribute:
    syntax = entry["attributeSyntax"][0].decode()
    never = (
        entry.get("systemOnly") == [b"TRUE"]
        or bool(_flags(entry) & _CONSTRUCTED)
        or _is_back_link(entry)
        or name in _KEPT_BY_SERVER
    )
    return Attribute(
        name=name,
        type=Type.DATETIME if name in _TIMES else Type.TEXT if name == ANCHOR else _TYPES.get(syntax, Type.TEXT),
        many=entry.get("isSingleValued") != [b"TRUE"],
        required=required and not never and name not in _MADE_BY_SERVER,
        exact=syntax in _EXACT or name in _KEEPS_CASE,
        writable="never" if never else "always",
        large=name == MEMBER,
        description=(entry.get("adminDescription") or [b""])[0].decode("utf-8", "replace"),
    )


def _form(entry: Entry, name: str) -> Form | None:
    if name in _TIMES:
        return FileTime()
    if name == ANCHOR:
        return Guid()
    return Sid() if entry["attributeSyntax"][0].decode() == _SID_SYNTAX else None


def _flags(entry: Entry) -> int:
    return int((entry.get("systemFlags") or [b"0"])[0])


def _is_back_link(entry: Entry) -> bool:
    return int((entry.get("linkID") or [b"0"])[0]) % 2 == 1
