"""Samba as an Active Directory domain controller.

Its ports cannot be moved, so that each one has an address of its own: 127.77.x.y.
"""

import contextlib
import secrets
import shutil
import socket
from pathlib import Path
from typing import Any, ClassVar

import ldap

from tests.servers.certificates import self_signed
from tests.servers.process import Server, ServerFailedError, _dice, program

_CONFIGURATION = """\
[global]
 netbios name = {name}
 workgroup = {domain}
 realm = {realm}
 server role = active directory domain controller
 interfaces = {address}/8
 bind interfaces only = yes
 private dir = {folder}/private
 state directory = {folder}/state
 cache directory = {folder}/cache
 lock directory = {folder}/lock
 pid directory = {folder}/run
 ncalrpc dir = {folder}/ncalrpc
 ntp signd socket directory = {folder}/ntp
 binddns dir = {folder}/bind-dns
 log file = {folder}/log/log.%m
 max log size = 0
 server services = {services}
 dns update command = /bin/true
 spn update command = /bin/true
 rpc server dynamic port range = 49152-49200
 tls enabled = yes
 tls keyfile = tls/key.pem
 tls certfile = tls/cert.pem
 tls cafile = tls/cert.pem
 ldap server require strong auth = allow_sasl_over_tls
 load printers = no
 disable spoolss = yes
 ldb:nosync = true
[sysvol]
 path = {folder}/sysvol
 read only = no
[netlogon]
 path = {folder}/sysvol/{zone}/scripts
 read only = no
"""
_FOLDERS = ("run", "log", "private", "private/tls", "state", "cache", "lock", "ncalrpc", "ntp", "bind-dns", "sysvol")
# samba-tool belongs to the system's Python, not to the one that runs the tests.
_SYSTEM_PYTHON = "/usr/bin/python3"


def free_address() -> str:
    """A loopback address on whose LDAP port nothing listens."""
    for _ in range(200):
        address = f"127.77.{_dice.randrange(1, 255)}.{_dice.randrange(1, 255)}"
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((address, 389))
                return address
    raise ServerFailedError("no free address in 127.77.0.0/16")


# What Windows has by itself: only administrators see what was deleted.
_PROTECT = """\
import ldb, sys
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack
from samba.param import LoadParm
from samba.samdb import SamDB
settings = LoadParm(sys.argv[1])
domain = SamDB(session_info=system_session(settings), lp=settings)
rights = security.descriptor.from_sddl(sys.argv[2], security.dom_sid(domain.get_domain_sid()))
change = ldb.Message(ldb.Dn(domain, f"CN=Deleted Objects,{domain.get_default_basedn()}"))
change["rights"] = ldb.MessageElement(ndr_pack(rights), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
domain.modify(change, controls=["show_deleted:1", "sd_flags:1:15"])
"""


class SambaDc(Server):
    """A domain of one domain controller. `with SambaDc("corp.example") as dc:` has it ready in about six seconds.

    `url` is LDAPS, `plain_url` LDAP with StartTLS; both show a certificate that a client trusts with `certificate`.
    `bind_dn` and `password` are the domain's administrator. Runs as root, in a mount namespace of its own.
    """

    start_seconds: ClassVar[float] = 60

    def __init__(self, realm: str = "corp.example", *, certificate_days: int = 1) -> None:
        super().__init__()
        self.host = free_address()
        self.port = 636
        self.realm = realm
        self.domain = realm.split(".")[0].upper()
        self.password = f"{secrets.token_hex(8)}-Aa1"
        self.certificate = self.folder / "private" / "tls" / "cert.pem"
        self.certificate_days = certificate_days

    @property
    def url(self) -> str:
        """LDAPS."""
        return f"ldaps://{self.host}"

    @property
    def plain_url(self) -> str:
        """LDAP, for StartTLS and for SASL."""
        return f"ldap://{self.host}"

    @property
    def base(self) -> str:
        """The naming context of the domain."""
        return ",".join(f"DC={part}" for part in self.realm.split("."))

    @property
    def bind_dn(self) -> str:
        """The administrator."""
        return f"CN=Administrator,CN=Users,{self.base}"

    @property
    def host_name(self) -> str:
        """The controller's own name."""
        return f"dc.{self.realm}"

    @property
    def _configuration(self) -> Path:
        return self.folder / "smb.conf"

    def prepare(self) -> None:
        for name in _FOLDERS:
            (self.folder / name).mkdir(parents=True)
        certificate, _ = self_signed(self.folder / "private" / "tls", self.host, self.host_name, self.certificate_days)
        shutil.move(certificate, self.certificate)
        text = _CONFIGURATION.format(
            name="DC",
            domain=self.domain,
            realm=self.realm.upper(),
            address=self.host,
            folder=self.folder,
            services="{services}",
            zone=self.realm,
        )
        self._configuration.write_text(text.replace("{services}", "rpc, ldap, cldap, kdc, s3fs"))
        self.tool(
            *("domain", "provision", f"--realm={self.realm.upper()}", f"--domain={self.domain}", "--host-name=DC"),
            *(f"--host-ip={self.host}", "--server-role=dc", "--dns-backend=SAMBA_INTERNAL"),
            f"--adminpass={self.password}",
        )
        self.protect_deleted_objects()
        self._configuration.write_text(text.replace("{services}", "rpc, ldap, cldap, kdc, winbindd, drepl"))

    def command(self) -> list[str]:
        start = (
            f"mount -t tmpfs tmpfs /run/samba && exec samba -F --no-process-group -M single -s {self._configuration}"
        )
        Path("/run/samba").mkdir(exist_ok=True)
        return [program("unshare"), "-m", "--propagation", "private", "sh", "-c", start]

    def tool(self, *arguments: str) -> str:
        """What `samba-tool` prints."""
        return self.run([_SYSTEM_PYTHON, program("samba-tool"), *arguments, f"--configfile={self._configuration}"])

    def protect_deleted_objects(self, *readers: str) -> None:
        """Let only administrators, and these SIDs, see what was deleted."""
        every = "RPWPCCDCLCSWRCWDWOSDDT"
        more = "".join(f"(A;;LCRP;;;{sid})" for sid in readers)
        rights = f"O:BAG:BAD:PAI(A;;{every};;;SY)(A;;{every};;;BA){more}"
        self.run([_SYSTEM_PYTHON, "-c", _PROTECT, str(self._configuration), rights])

    def kerberos(self, **kdcs: str) -> Path:
        """A krb5.conf for clients; the controller's address gets a service name first.

        `kdcs`: other realms, `_` for `.`, each with the address of its Kerberos server.
        """
        self.tool("spn", "add", f"ldap/{self.host}", "DC$")
        realms = {self.realm: self.host, **{name.replace("_", "."): address for name, address in kdcs.items()}}
        lines = [
            "[libdefaults]",
            f" default_realm = {self.realm.upper()}",
            " dns_lookup_kdc = false",
            " dns_lookup_realm = false",
            " rdns = false",
            " udp_preference_limit = 1",
            "[realms]",
            *(f" {name.upper()} = {{\n  kdc = {address}\n }}" for name, address in realms.items()),
            "[domain_realm]",
            f" {self.host} = {self.realm.upper()}",
        ]
        return self.write("client.conf", "\n".join(lines) + "\n")

    def connect(self) -> Any:
        """A python-ldap connection bound as the administrator."""
        connection = ldap.initialize(self.url)
        connection.set_option(ldap.OPT_REFERRALS, 0)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 5)
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_NEVER)
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        connection.simple_bind_s(self.bind_dn, self.password)
        return connection

    def ready(self) -> bool:
        try:
            self.connect().unbind_s()
        except ldap.LDAPError:
            return False
        return True

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "KRB5_CONFIG": str(self.folder / "private" / "krb5.conf"), "LC_ALL": "C"}
