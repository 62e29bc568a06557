"""A real SOAP 1.1 service over a socket, with state, that holds every message against its own schema."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from lxml import etree

from tests.connectors.restapi import Api, Asked, Reply

FOLDER = Path(__file__).with_name("soap")
LOGIN = ("muster", "the-pass-of-muster")
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_P = "{urn:people}"


def message(body: str) -> bytes:
    return f'<e:Envelope xmlns:e="{_ENVELOPE}" xmlns="urn:people"><e:Body>{body}</e:Body></e:Envelope>'.encode()


def soap(body: str, status: int = 200) -> Reply:
    return Reply(status, headers={"Content-Type": "text/xml; charset=utf-8"}, raw=message(body))


def fault(code: str, text: str, reason: str = "", prefix: str = "e") -> Reply:
    detail = f"<detail><PeopleFault><reason>{reason}</reason></PeopleFault></detail>" if reason else ""
    wsse = f' xmlns:wsse="{_WSSE}"'
    inner = f'<faultcode xmlns="">{prefix}:{code}</faultcode><faultstring xmlns="">{text}</faultstring>{detail}'
    return soap(f"<e:Fault{wsse}>{inner}</e:Fault>", 500)


class PeopleService(Api):
    def __init__(self) -> None:
        super().__init__()
        self.reset()
        self.schema = etree.XMLSchema(etree.parse(str(FOLDER / "people.xsd")))
        self.xsd_at = "people.xsd"
        self.address: str | None = None

    def reset(self) -> None:
        self.people: dict[str, Any] = {}
        self.passwords: dict[str, str] = {}
        self.number = 100

    def line(self, asked: Asked) -> str:
        action = asked.headers.get("soapaction", "").strip('"').rpartition("/")[2]
        return action or f"{asked.method} {asked.path}"

    def reply(self, asked: Asked) -> Reply:
        if asked.method == "GET":
            text = (FOLDER / asked.path.rpartition("/")[2]).read_text()
            text = text.replace("@XSD@", self.xsd_at).replace("@ADDRESS@", self.address or f"{self.url}/people")
            return Reply(200, headers={"Content-Type": "text/xml"}, raw=text.encode())
        envelope = etree.fromstring(asked.data)
        if not self._known(envelope):
            return fault("FailedAuthentication", "unknown user or wrong password", prefix="wsse")
        body = envelope.find(f"{{{_ENVELOPE}}}Body")
        assert body is not None
        request = body[0]
        if not self.schema.validate(request):
            return fault("Client", f"not valid: {self.schema.error_log.last_error.message.replace('<', '')}")
        operation = etree.QName(request).localname
        found: Reply = getattr(self, f"_{operation}")(request)
        if found.status == 200:
            answer = etree.fromstring(found.raw or b"").find(f"{{{_ENVELOPE}}}Body")
            assert answer is not None
            self.schema.assertValid(answer[0])
        return found

    def _known(self, envelope: Any) -> bool:
        token = envelope.find(f".//{{{_WSSE}}}UsernameToken")
        if token is None:
            return False
        user = token.findtext(f"{{{_WSSE}}}Username")
        given = token.find(f"{{{_WSSE}}}Password")
        wanted = LOGIN[1]
        if given.get("Type", "").endswith("#PasswordDigest"):
            nonce = base64.b64decode(token.findtext(f"{{{_WSSE}}}Nonce"))
            created = token.findtext(f"{{{_WSU}}}Created")
            text = nonce + created.encode() + LOGIN[1].encode()
            wanted = base64.b64encode(hashlib.sha1(text, usedforsecurity=False).digest()).decode()
        return bool(user == LOGIN[0] and given.text == wanted)

    def _listed(self, name: str, people: list[Any], total: int) -> Reply:
        inner = "".join(etree.tostring(one).decode() for one in people)
        return soap(f"<{name}Response><total>{total}</total>{inner}</{name}Response>")

    def _ListPeople(self, request: Any) -> Reply:
        number, size = int(request[0][0].text), int(request[0][1].text)
        people = list(self.people.values())
        return self._listed("ListPeople", people[(number - 1) * size : number * size], len(people))

    def _FindPeople(self, request: Any) -> Reply:
        found = [one for one in self.people.values() if one.findtext(f"{_P}login") == request[0].text]
        return self._listed("FindPeople", found, len(found))

    def _one(self, name: str, person: Any) -> Reply:
        return soap(f"<{name}Response>{etree.tostring(person).decode()}</{name}Response>")

    def _GetPerson(self, request: Any) -> Reply:
        person = self.people.get(request[0].text)
        return fault("Client", "no such person", "NOT_FOUND") if person is None else self._one("GetPerson", person)

    def _CreatePerson(self, request: Any) -> Reply:
        given = request[0]
        login = given.findtext(f"{_P}login")
        if any(one.findtext(f"{_P}login") == login for one in self.people.values()):
            return fault("Client", "the login is taken", "DUPLICATE")
        self.number += 1
        person = etree.Element(f"{_P}person", nsmap={None: "urn:people"})
        etree.SubElement(person, f"{_P}id").text = f"P{self.number}"
        if given.find(f"{_P}active") is None:
            etree.SubElement(given, f"{_P}active").text = "true"
        self._merge(person, given)
        self.people[f"P{self.number}"] = person
        return self._one("CreatePerson", person)

    def _UpdatePerson(self, request: Any) -> Reply:
        person = self.people.get(request[0].text)
        if person is None:
            return fault("Client", "no such person", "NOT_FOUND")
        self._merge(person, request[1])
        return self._one("UpdatePerson", person)

    def _DeletePerson(self, request: Any) -> Reply:
        if self.people.pop(request[0].text, None) is None:
            return fault("Client", "no such person", "NOT_FOUND")
        return soap("<DeletePersonResponse/>")

    def _SetPassword(self, request: Any) -> Reply:
        if request[0].text not in self.people:
            return fault("Client", "no such person", "NOT_FOUND")
        self.passwords[request[0].text] = request[1].text
        return soap("<SetPasswordResponse/>")

    def _merge(self, person: Any, given: Any) -> None:
        """Take over what is given, keeping the order of the schema; xsi:nil takes away."""
        for tag in dict.fromkeys(one.tag for one in given):
            news = given.findall(tag)
            olds = person.findall(tag)
            if len(news[0]) and len(olds) == 1:
                self._merge(olds[0], news[0])
                continue
            for old in olds:
                person.remove(old)
            for one in news:
                if one.get(f"{{{_XSI}}}nil") != "true" and (one.text or len(one)):
                    person.append(etree.fromstring(etree.tostring(one)))
        order = ("id", "login", "name", "display", "title", "born", "hired", "age", "role", "active")
        person[:] = sorted(person, key=lambda one: order.index(etree.QName(one).localname))
