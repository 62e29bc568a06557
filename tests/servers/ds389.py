"""389 Directory Server, without systemd and without its installer: its own template, filled in for a private folder."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import ldap

from tests.servers.directory import TREE, LdapServer
from tests.servers.process import HOST, program

_TEMPLATES = Path("/usr/share/dirsrv/data")
_BACKEND = "people"

# What is added to entries of the template. An attribute named here replaces the template's.
_ADDITIONS: Mapping[str, tuple[str, ...]] = {
    "cn=config": (
        f"nsslapd-listenhost: {HOST}",
        "nsslapd-accesslog-logging-enabled: off",
        "nsslapd-sizelimit: -1",
    ),
    "cn=config,cn=ldbm database,cn=plugins,cn=config": (
        "nsslapd-lookthroughlimit: -1",
        "nsslapd-db-durable-transaction: off",
        "nsslapd-cache-autosize: 0",
        "nsslapd-dbcachesize: 67108864",
    ),
    "cn=MemberOf Plugin,cn=plugins,cn=config": ("nsslapd-pluginenabled: on",),
    "cn=referential integrity postoperation,cn=plugins,cn=config": (
        "nsslapd-pluginenabled: on",
        "referint-membership-attr: member",
        "referint-membership-attr: manager",
        "referint-membership-attr: owner",
    ),
    "cn=Retro Changelog Plugin,cn=plugins,cn=config": (
        "nsslapd-pluginenabled: on",
        "nsslapd-attribute: nsuniqueid:targetUniqueId",
        "nsslapd-attribute: entryuuid:targetEntryUUID",
    ),
    "cn=Content Synchronization,cn=plugins,cn=config": ("nsslapd-pluginenabled: on",),
    "cn=USN,cn=plugins,cn=config": ("nsslapd-pluginenabled: on",),
}

# The server itself adds these while it starts for the first time, and heeds them only after the next start.
_ENTRY_UUID = """\
dn: cn=entryuuid_syntax,cn=plugins,cn=config
objectClass: top
objectClass: nsSlapdPlugin
cn: entryuuid_syntax
nsslapd-pluginPath: libentryuuid-syntax-plugin
nsslapd-pluginInitfunc: entryuuid_syntax_plugin_init
nsslapd-pluginType: syntax
nsslapd-pluginEnabled: on

dn: cn=entryuuid,cn=plugins,cn=config
objectClass: top
objectClass: nsSlapdPlugin
cn: entryuuid
nsslapd-pluginPath: libentryuuid-plugin
nsslapd-pluginInitfunc: entryuuid_plugin_init
nsslapd-pluginType: betxnpreoperation
nsslapd-pluginEnabled: on
"""

_INDEX = """\
dn: cn={attribute},cn=default indexes,cn=config,cn=ldbm database,cn=plugins,cn=config
objectClass: top
objectClass: nsIndex
cn: {attribute}
nsSystemIndex: false
nsIndexType: eq
"""

_USER_SCHEMA = """\
dn: cn=schema
objectClass: top
objectClass: ldapSubentry
objectClass: subschema
cn: schema
"""


class Ds389(LdapServer):
    """ns-slapd with memberOf, referential integrity, retro changelog (`cn=changelog`), RFC 4533 and USN switched on."""

    bind_dn: ClassVar[str] = "cn=Directory Manager"

    def prepare(self) -> None:
        for name in ("schema", "log", "db", "bak", "ldif", "lock", "run", "tmp"):
            (self.folder / name).mkdir()
        self.write("schema/99user.ldif", _USER_SCHEMA)
        self.write("slapd-collations.conf", "")
        self.write("certmap.conf", "certmap default default\n")
        self.write("dse.ldif", "\n".join(self._configuration()))

    def command(self) -> list[str]:
        return [program("ns-slapd"), "-D", str(self.folder), "-i", str(self.folder / "run" / "slapd.pid"), "-d", "0"]

    def reset(self) -> None:
        """Delete everything but the empty tree; takes some 2 ms an entry. The changelog goes on."""
        self.start()
        kept = {dn for dn, _ in TREE}
        connection = self.connect()
        found = [dn for dn, _ in connection.search_s(self.base, ldap.SCOPE_SUBTREE, attrlist=["1.1"])]
        deepest_first = sorted((dn for dn in found if dn not in kept), key=lambda dn: -len(ldap.dn.explode_dn(dn)))
        for dn in deepest_first:
            connection.delete_s(dn)
        connection.unbind_s()

    def _configuration(self) -> Iterator[str]:
        values = {
            **{
                f"{name}_dir": str(self.folder / name) for name in ("schema", "log", "db", "bak", "ldif", "lock", "run")
            },
            "tmp_dir": str(self.folder / "tmp"),
            "cert_dir": str(self.folder),
            "config_dir": str(self.folder),
            "inst_dir": str(self.folder),
            "db_home_dir": str(self.folder / "db"),
            "db_lib": "bdb",
            "ds_bename": _BACKEND,
            "ds_passwd": _hashed(self.password),
            "ds_port": str(self.port),
            "ds_suffix": self.base,
            "ds_user": Path(self.folder).owner(),
            "fqdn": "localhost",
            "ldapi": str(self.folder / "run" / "slapd.socket"),
            "ldapi_autobind": "off",
            "ldapi_enabled": "off",
            "rootdn": self.bind_dn,
        }
        for name in ("template-dse.ldif", "template-suffix-db.ldif"):
            template = re.sub(r"^#.*\n", "", (_TEMPLATES / name).read_text("utf-8"), flags=re.MULTILINE)
            filled = re.sub(r"%(\w+)%", lambda found: values[found[1]], template)
            yield from map(_extended, re.split(r"\n\s*\n", filled.strip()))
        yield _ENTRY_UUID
        yield from (
            _INDEX.format(attribute=attribute) for attribute in ("manager", "employeeNumber", "modifyTimestamp")
        )


def _extended(entry: str) -> str:
    """One entry of the template with what `_ADDITIONS` says about it."""
    lines = entry.splitlines()
    added = _ADDITIONS.get(lines[0].removeprefix("dn: "), ())
    names = {line.split(":")[0].lower() for line in added}
    kept = [line for line in lines if line.split(":")[0].lower() not in names]
    return "\n".join([*kept, *added, ""])


def _hashed(password: str) -> str:
    """The form in which ns-slapd keeps a password; it refuses one in the clear."""
    salt = secrets.token_bytes(8)
    digest = hashlib.sha512(password.encode() + salt).digest()
    return "{SSHA512}" + base64.b64encode(digest + salt).decode()
