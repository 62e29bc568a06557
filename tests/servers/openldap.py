"""OpenLDAP's slapd with the overlays that Muster's connector can use."""

import shutil
from pathlib import Path
from typing import ClassVar

from tests.servers.certificates import self_signed
from tests.servers.directory import BASE, TREE, LdapServer
from tests.servers.process import HOST, free_port, program

_CONFIGURATION = """\
dn: cn=config
objectClass: olcGlobal
cn: config
olcPidFile: {folder}/slapd.pid
olcArgsFile: {folder}/slapd.args
olcSizeLimit: unlimited
olcTLSCertificateFile: {certificate}
olcTLSCertificateKeyFile: {key}
olcTLSVerifyClient: never

dn: cn=module,cn=config
objectClass: olcModuleList
cn: module
olcModulePath: /usr/lib/ldap
olcModuleLoad: back_mdb
olcModuleLoad: syncprov
olcModuleLoad: accesslog
olcModuleLoad: memberof
olcModuleLoad: refint

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: file:///etc/ldap/schema/core.ldif
include: file:///etc/ldap/schema/cosine.ldif
include: file:///etc/ldap/schema/nis.ldif
include: file:///etc/ldap/schema/inetorgperson.ldif

dn: olcDatabase=frontend,cn=config
objectClass: olcDatabaseConfig
objectClass: olcFrontendConfig
olcDatabase: frontend

dn: olcDatabase=config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: config
olcRootDN: cn=admin,cn=config
olcRootPW: {password}

dn: olcDatabase={{1}}mdb,cn=config
objectClass: olcMdbConfig
olcDatabase: {{1}}mdb
olcDbDirectory: {folder}/accesslog
olcSuffix: cn=accesslog
olcRootDN: {bind_dn}
olcDbMaxSize: 1073741824
olcDbIndex: reqStart,reqEnd,reqResult,reqDN,objectClass,entryCSN eq
olcDbNoSync: TRUE

dn: olcOverlay=syncprov,olcDatabase={{1}}mdb,cn=config
objectClass: olcSyncProvConfig
olcOverlay: syncprov
olcSpNoPresent: TRUE
olcSpReloadHint: TRUE

dn: olcDatabase={{2}}mdb,cn=config
objectClass: olcMdbConfig
olcDatabase: {{2}}mdb
olcDbDirectory: {folder}/data
olcSuffix: {base}
olcRootDN: {bind_dn}
olcRootPW: {password}
olcDbMaxSize: 4294967296
olcDbIndex: objectClass,uid,cn,mail,employeeNumber,member,memberOf,entryUUID,entryCSN,modifyTimestamp eq
olcDbNoSync: TRUE
olcAccess: to attrs=userPassword by self write by anonymous auth by * none
olcAccess: to * by users read by * none

dn: olcOverlay=syncprov,olcDatabase={{2}}mdb,cn=config
objectClass: olcSyncProvConfig
olcOverlay: syncprov
olcSpCheckpoint: 1000 10
olcSpSessionlog: 100000

dn: olcOverlay=accesslog,olcDatabase={{2}}mdb,cn=config
objectClass: olcAccessLogConfig
olcOverlay: accesslog
olcAccessLogDB: cn=accesslog
olcAccessLogOps: writes
olcAccessLogSuccess: TRUE
olcAccessLogOld: (objectClass=*)

dn: olcOverlay=memberof,olcDatabase={{2}}mdb,cn=config
objectClass: olcMemberOfConfig
olcOverlay: memberof
olcMemberOfRefint: TRUE

dn: olcOverlay=refint,olcDatabase={{2}}mdb,cn=config
objectClass: olcRefintConfig
olcOverlay: refint
olcRefintAttribute: manager
olcRefintAttribute: owner
"""


class OpenLdap(LdapServer):
    """slapd with mdb, syncprov, accesslog (`cn=accesslog`), memberOf and refint (manager, owner).

    `url` is plain LDAP and takes StartTLS; `ldaps_url` is TLS from the first byte. Both show a certificate that a
    client trusts with `certificate`. `config_dn` is the administrator of `cn=config`, with the same password.
    """

    bind_dn: ClassVar[str] = f"cn=admin,{BASE}"
    config_dn: ClassVar[str] = "cn=admin,cn=config"

    def __init__(self) -> None:
        super().__init__()
        self.tls_port = free_port()
        self.certificate = self.folder / "certificate.pem"

    @property
    def ldaps_url(self) -> str:
        return f"ldaps://{HOST}:{self.tls_port}"

    @property
    def _configuration(self) -> Path:
        return self.folder / "slapd.d"

    def prepare(self) -> None:
        certificate, key = self_signed(self.folder)
        self._configuration.mkdir()
        self._make_databases()
        text = _CONFIGURATION.format(
            folder=self.folder,
            certificate=certificate,
            key=key,
            base=self.base,
            bind_dn=self.bind_dn,
            password=self.password,
        )
        self.run([program("slapadd"), "-n", "0", "-F", str(self._configuration)], stdin=text)

    def command(self) -> list[str]:
        # A copy, because Debian's AppArmor profile for /usr/sbin/slapd would keep it out of the private folder.
        private = self.folder / "slapd"
        if not private.exists():
            shutil.copy(program("slapd"), private)
        urls = f"{self.url} {self.ldaps_url}"
        return [str(private), "-F", str(self._configuration), "-h", urls, "-d", "0"]

    def reset(self) -> None:
        """Back to the empty tree, in the time of a restart, however much there was. Open connections end."""
        self.kill()
        for folder in self._databases:
            shutil.rmtree(folder)
        self._make_databases()
        self.start()
        self.add(*TREE)

    @property
    def _databases(self) -> tuple[Path, Path]:
        return self.folder / "data", self.folder / "accesslog"

    def _make_databases(self) -> None:
        for folder in self._databases:
            folder.mkdir()
