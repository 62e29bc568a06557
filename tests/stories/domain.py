"""What other hands make in a domain: people, computers and groups, as the stories need them."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import TypeAlias

import ldap
from ldap.dn import escape_dn_chars

from tests.connectors.domains import Ou

Text: TypeAlias = "str | list[str]"


def add(ou: Ou, name: str, kind: str, **values: Text) -> str:
    """An object of the OU; gives its DN."""
    dn = f"CN={escape_dn_chars(name)},{ou.dn}"
    entry = [("objectClass", [kind.encode()])]
    for key, value in values.items():
        texts = value if isinstance(value, list) else [value]
        entry.append((key.replace("_", "-"), [one.encode() for one in texts]))
    ou.admin.add_s(dn, entry)
    return dn


def person(ou: Ou, name: str, **values: Text) -> str:
    """Somebody with an account; gives the DN."""
    login = f"{ou.name}{name}".lower()
    more = {"userAccountControl": "544", "userPrincipalName": f"{login}@acme.example", "sAMAccountName": login}
    return add(ou, name, "user", **{**more, "displayName": f"{name} Example", **values})


def computer(ou: Ou, name: str, seen: str | None = None, **values: Text) -> str:
    """A computer that has asked for the hybrid join. `seen`: the day on which it last logged in."""
    more = {"lastLogonTimestamp": ticks(seen)} if seen else {}
    joining = {"userAccountControl": "4096", "userCertificate": "certificate", **more, **values}
    return add(ou, name, "computer", sAMAccountName=f"{ou.name}{name}$", **joining)


def ticks(day: str) -> str:
    """An instant as Active Directory counts it: 100 ns since 1601."""
    past = datetime.fromisoformat(day).replace(tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)
    return str(int(past.total_seconds()) * 10_000_000)


def guid(ou: Ou, dn: str) -> uuid.UUID:
    """An object's objectGUID."""
    ((_, found),) = ou.admin.search_s(dn, ldap.SCOPE_BASE, attrlist=["objectGUID"])
    return uuid.UUID(bytes_le=found["objectGUID"][0])


def anchor(of: uuid.UUID) -> str:
    """The source anchor as Entra Connect makes it."""
    return base64.b64encode(of.bytes_le).decode()
