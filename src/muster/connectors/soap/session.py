"""One session with one SOAP service: its WSDL, and calls of its operations, over Muster's own HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx
from lxml.etree import LxmlError
from zeep import Client
from zeep import Settings as ZeepSettings
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import Fault, TransportError, ValidationError, XMLParseError
from zeep.helpers import serialize_object
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from muster.connectors.kit.http import HttpSession
from muster.connectors.rest.answers import Answer
from muster.connectors.rest.asking import Asking
from muster.connectors.rest.picks import pick
from muster.connectors.rest.templates import Unasked, Unfit
from muster.connectors.soap.settings import Security, SoapLogin, SoapSettings
from muster.connectors.soap.wire import about_login, cleared, fault_of, ours, plain, put
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError
from muster.model.secrets import Secret

_SAFE: Final = ZeepSettings(forbid_dtd=True, forbid_entities=True, xml_huge_tree=False, strict=True, force_https=False)
"""No DTD, no entities (XML External Entities, "billion laughs"); libxml2's own limits of depth and size."""
_DOCUMENT: Final = 16_777_216
"""Bytes of a WSDL or schema."""


class Carrier(Transport):
    """Carries what zeep sends and loads: to the service alone, and from hosts that the system file names."""

    def __init__(self, system: str, settings: SoapSettings, folder: Path) -> None:
        # Not the base's: that would open a session of requests, which knows neither our limits nor our hosts.
        self._close_session = False
        self.cache = None
        self._system = system
        self._settings = settings
        self._folder = folder
        self._login = settings.login or SoapLogin(kind=Security.NONE)
        self._service: HttpSession | None = None
        self.once = False
        self.reading = False
        self.last: httpx.Response | None = None

    def close(self) -> None:
        """Close all connections."""
        if self._service is not None:
            self._service.close()

    def serve(self, address: str) -> None:
        """The service is there. Raises `ProjectError` where the system file does not name its host."""
        self._named(address, "the service is")
        self._service = self._http(address, self._settings.largest)

    def where(self, wsdl: str) -> str:
        """The WSDL's address, or its path."""
        return wsdl if urlsplit(wsdl).scheme in ("http", "https") else str(self._folder.resolve() / wsdl)

    def service(self) -> HttpSession:
        """The HTTP to the service."""
        assert self._service is not None
        return self._service

    def load(self, url: str | None) -> bytes:
        """A WSDL or schema: a file of the project folder, or an address on a host that the system file names."""
        if not url:
            raise ProjectError(f"{self._system}: the WSDL imports something without saying where it is.")
        parts = urlsplit(url)
        if parts.scheme in ("http", "https"):
            self._named(url, "the WSDL or what it imports is")
            with self._http(url, _DOCUMENT) as http:
                response = http.request("GET", "")
            if not response.is_success:
                raise IncompleteRead(
                    f"{self._system}: {url} was answered {response.status_code}, expected a WSDL or schema. Correct "
                    "`wsdl`, or give the login the right to read it."
                )
            return response.content
        root = self._folder.resolve()
        path = (root / unquote(parts.path if parts.scheme else url)).resolve()
        if not path.is_relative_to(root):
            raise ProjectError(f"{self._system}: {path} is outside the project folder {root}. Put it there.")
        try:
            return path.read_bytes()
        except OSError as error:
            raise ProjectError(f"{self._system}: {path} cannot be read: {error.strerror}. Correct `wsdl`.") from None

    def post(self, _address: str, message: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send a message to the service, whatever address it names."""
        self.last = None
        self.last = self.service().request(
            "POST", "", content=message, headers=dict(headers), forbidden=not self.reading, once=self.once
        )
        return self.last

    def _http(self, address: str, largest: int) -> HttpSession:
        settings, login = self._settings, self._login
        basic = (login.user, login.password) if login.kind is Security.BASIC and login.user and login.password else None
        return HttpSession(
            self._system,
            address,
            basic=basic,
            secrets=[login.password] if login.password is not None else [],
            verify=self._folder / settings.ca if settings.ca is not None else True,
            timeout=settings.timeout,
            largest=largest,
            whole=settings.whole,
            rate=settings.rate,
        )

    def _named(self, address: str, what: str) -> None:
        host = (urlsplit(address).hostname or "").lower()
        places = (self._settings.wsdl, self._settings.address or "")
        named = {(urlsplit(one).hostname or "").lower() for one in places} | {h.lower() for h in self._settings.hosts}
        if not host or host not in named - {""}:
            raise ProjectError(
                f"{self._system}: {what} at {address}, a host that the system file does not name. If that is right, "
                f"add {host!r} to `hosts`; if the service is elsewhere, give its `address`."
            )


class SoapSession(Asking):
    """Calls of one service."""

    def __init__(self, system: str, settings: SoapSettings, folder: Path) -> None:
        super().__init__(system, settings.errors, pick("fault.message"))
        self._settings = settings
        self._carrier = Carrier(system, settings, folder)
        self._proxy: Any = None
        self._operations: Mapping[str, Any] = {}

    def open(self) -> None:
        """Read the WSDL. Raises `ProjectError` and `IncompleteRead` for what is none, and what ends a session."""
        settings = self._settings
        login = settings.login or SoapLogin(kind=Security.NONE)
        token = None
        if login.kind is Security.USERNAME_TOKEN and login.password is not None:
            token = UsernameToken(login.user, login.password.reveal(), use_digest=login.digest, zulu_timestamp=True)
        try:
            client = Client(self._carrier.where(settings.wsdl), wsse=token, transport=self._carrier, settings=_SAFE)
            service = _chosen(client.wsdl.services, settings.service, "service")
            port = _chosen(service.ports, settings.port, "port")
            proxy = client.bind(service.name, port.name)
        except (ZeepError, LxmlError, ValueError, KeyError) as error:
            said = str(error) or type(error).__name__
            raise IncompleteRead(
                f"{self.system}: the WSDL {settings.wsdl} cannot be used: {said[:300]}. Correct `wsdl`, `service` or "
                "`port`."
            ) from None
        self._carrier.serve(settings.address or str(port.binding_options.get("address", "")))
        self._proxy, self._operations = proxy, port.binding.all()

    def close(self) -> None:
        """Close all connections."""
        self._carrier.close()

    def hide(self, secret: Secret) -> None:
        """A secret that no text may show."""
        self._carrier.service().hide(secret)

    def redacted(self, text: str) -> str:
        """The text without secrets."""
        return self._carrier.service().redacted(text)

    def called(self, method: str, path: str) -> str:  # noqa: ARG002 - an operation has no method
        """An operation by its name."""
        return path.lstrip("/")

    def lacking(self, operation: str) -> str:
        """Why there is no such operation, in words; empty when there is."""
        if operation in self._operations:
            return ""
        return f"the WSDL has no operation {operation!r}. It has: {', '.join(sorted(self._operations))}."

    def ask(
        self,
        method: str,  # noqa: ARG002 - an operation has no method
        path: str,
        query: Mapping[str, str],
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002 - nor headers
        form: bool = False,  # noqa: ARG002 - nor another form
        once: bool = False,
        reading: bool = False,
    ) -> Answer:
        """One call. Raises `Unfit` for parameters that the WSDL does not know, `IncompleteRead` in a read."""
        operation = path.lstrip("/")
        for name, value in query.items():
            body = put(body, name, value)
        self._carrier.once, self._carrier.reading = once, reading
        lacking = self.lacking(operation)
        try:
            if lacking:
                raise Unasked(lacking)
            return self._called(operation, cleared(body) if isinstance(body, Mapping) else {})
        except Unfit as error:
            if reading:
                raise IncompleteRead(f"{self.system}: {operation}: {error}") from None
            raise

    def _called(self, operation: str, parameters: Mapping[str, Any]) -> Answer:
        try:
            found = self._proxy[operation](**parameters)
        except Fault:
            return self._fault(operation)
        except (ValidationError, TypeError, ValueError) as error:
            if self._carrier.last is not None:
                return self._strange(str(error))
            raise Unasked(f"{error}. Compare with the WSDL.") from None
        except (TransportError, XMLParseError, ZeepError, LxmlError) as error:
            if self._carrier.last is None:
                raise Unasked(f"{error}. Compare with the WSDL.") from None
            return self._strange(str(error))
        finally:
            answered, self._carrier.last = self._carrier.last, None
        headers = dict(answered.headers) if answered is not None else {}
        return Answer(
            200, plain(serialize_object(found, dict)), "", {k.lower(): v for k, v in headers.items()}, operation
        )

    def _fault(self, operation: str) -> Answer:
        response = self._carrier.last
        told = fault_of(response.content) if response is not None else None
        if told is None:
            return self._strange("an error without a fault")
        if about_login(told["codes"]):
            raise AuthFailed(
                f"{self.system}: {operation}: the login is refused: {self.redacted(told['message'])}. Check user and "
                "password."
            )
        return Answer(400 if ours(told["code"]) else 500, {"fault": told}, "", {}, operation)

    def _strange(self, said: str) -> Answer:
        """The answer to a call that was no message of the service."""
        response = self._carrier.last
        assert response is not None
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        start = response.content.lstrip()[:15].lower()
        page = "html" in kind or start.startswith((b"<!doctype html", b"<html"))
        what = "a web page" if page else f"{kind or 'something'} that is no answer of the service ({said[:120]})"
        return Answer(response.status_code, None, what, {}, "")


def _chosen(known: Mapping[str, Any], name: str | None, what: str) -> Any:
    """What is named, or the first. Raises `ValueError` where there is none of that name."""
    if name is None and known:
        return next(iter(known.values()))
    if name is not None and name in known:
        return known[name]
    raise ValueError(f"there is no {what} {name!r}; known: {', '.join(known) or 'none'}")
