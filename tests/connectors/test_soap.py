"""The SOAP connector on a real service: the conformance kit, faults, WS-Security, and what a WSDL may not do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.guard import Guard
from muster.connectors.kit.subject import Subject
from muster.connectors.soap import SoapConnector
from muster.connectors.soap.settings import SoapObject, SoapSettings
from muster.connectors.soap.wire import plain, put
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError, Unreachable
from muster.model.schema import ObjectSchema
from muster.model.secrets import Secret
from muster.model.values import Document
from tests.connectors.restapi import Fault, Reply, dropped, page, slow
from tests.connectors.sessions import create, keep, one, update
from tests.connectors.soapservice import FOLDER, LOGIN, PeopleService, fault, soap
from tests.servers.process import HOST, free_port

PERSON: dict[str, Any] = {
    "anchor": "id",
    "name": "login",
    "unique": ["login"],
    "attributes": {
        "id": "text",
        "login": {"required": True},
        "display": {"at": "name.display"},
        "title": {"at": "name.title"},
        "born": "date",
        "hired": "datetime",
        "age": "integer",
        "roles": {"at": "role", "type": ["text"]},
        "active": "boolean",
    },
    "enabled": "active",
    "read": {
        "operation": "ListPeople",
        "items": "person",
        "paging": {"by": "page", "parameter": "page.number", "size": "page.size", "count": 3, "total": "total"},
    },
    "find": {"login": {"operation": "FindPeople", "request": {"login": "{value}"}, "items": "person"}},
    "get": {"operation": "GetPerson", "request": {"id": "{anchor}"}},
    "create": {"operation": "CreatePerson", "request": {"person": "{*}"}},
    "update": {"operation": "UpdatePerson", "request": {"id": "{anchor}", "person": "{*}"}},
    "delete": {"operation": "DeletePerson", "request": {"id": "{anchor}"}},
    "password": {"operation": "SetPassword", "request": {"id": "{anchor}", "password": "{password}"}},
}
ERRORS = [
    {"when": "fault.detail.PeopleFault.reason == 'DUPLICATE'", "means": "exists"},
    {"when": "fault.detail.PeopleFault.reason == 'NOT_FOUND'", "means": "gone"},
]


def connector(people: PeopleService, password: str = LOGIN[1], digest: bool = False, **changed: Any) -> SoapConnector:
    person = changed.pop("person", PERSON)
    folder = changed.pop("folder", FOLDER)
    settings = {
        "wsdl": f"{people.url}/people.wsdl",
        "login": {"kind": "username_token", "user": LOGIN[0], "password": Secret(password), "digest": digest},
        "errors": ERRORS,
        "timeout": 5,
        **changed,
    }
    objects = {"person": SoapObject.model_validate(person)}
    return SoapConnector("people", SoapSettings.model_validate(settings), objects, folder)


@pytest.fixture(scope="module")
def server() -> Iterator[PeopleService]:
    with PeopleService() as found:
        yield found


@pytest.fixture
def service(server: PeopleService) -> PeopleService:
    server.reset()
    server.asked.clear()
    server.faults.clear()
    server.xsd_at, server.address = "people.xsd", None
    return server


class PeopleSubject(Subject):
    connector: ClassVar[type[Connector]] = SoapConnector
    object_type = "person"
    text = "display"
    clearable = "title"
    many = "roles"
    known: ClassVar[list[ObjectSchema]] = []

    def schema(self) -> ObjectSchema:
        """Asked once: each session reads the WSDL."""
        if not self.known:
            self.known.append(super().schema())
        return self.known[0]

    def __init__(self, service: PeopleService) -> None:
        self.service = service

    def open(self) -> Connector:
        return connector(self.service)

    def reset(self) -> None:
        self.service.reset()

    def sample(self, n: int) -> Document:
        return {
            "login": f"user{n}",
            "display": f"User <{n}> & Co",
            "title": "Engineer",
            "born": "1990-01-31",
            "hired": "2026-01-31T17:00:00Z",
            "age": 30 + n,
            "roles": [f"r{n}", "all"],
        }

    def renamed(self, _n: int) -> Document | None:
        return {"login": f"renamed{_n}"}

    def refused(self, _n: int) -> Document | None:
        return {**self.sample(_n), "age": 10**12}

    def unreachable(self) -> Connector | None:
        settings = SoapSettings(wsdl=f"http://{HOST}:{free_port()}/x?wsdl")
        return SoapConnector("people", settings, {"person": SoapObject.model_validate(PERSON)}, FOLDER)

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        wrong = Secret("wrong-sesame-43")
        return connector(self.service, wrong.reveal()), wrong


LACKS = {
    "it does not read single changes",
    "it has no large reference",
    "its read cannot be broken on purpose",
    "its watermarks do not expire",
}
"""Why some checks of the kit do not apply here. Any other reason is a check that got lost."""


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_a_service_keeps_the_promise(check: Check, service: PeopleService) -> None:
    keep(check, PeopleSubject(service), LACKS)


def guarded(service: PeopleService, *changes: Change, **changed: Any) -> dict[int, Outcome]:
    with Guard(connector(service, **changed), system="people", sleep=lambda _: None) as guard:
        return {found.key: found for found in guard.write(iter(changes))}


@pytest.mark.parametrize("digest", [False, True], ids=["password", "digest"])
def test_a_username_token_lets_in(service: PeopleService, digest: bool) -> None:
    with connector(service, digest=digest) as made:
        assert made.check().ok
    assert (LOGIN[1].encode() in service.asked[-1].data) is not digest


def test_a_refused_token_is_told_without_the_password(service: PeopleService) -> None:
    told = pytest.raises(AuthFailed, match="ListPeople: the login is refused: unknown user")
    with told as raised, connector(service, "wr0ng-password") as made:
        made.check()
    assert "wr0ng-password" not in raised.value.message


def test_a_value_never_becomes_an_element(service: PeopleService) -> None:
    nasty = 'x</login><active>false</active><login>&e; ]]> "'
    anchor = one(connector(service), create(1, {"login": nasty}, kind="person")).anchor or ""
    with connector(service) as made:
        found = made.get("person", anchor)
        assert [each.anchor for each in made.find("person", {"login": nasty})] == [anchor]
    assert found is not None
    assert (found.values["login"], found.values["enabled"]) == (nasty, True)


def other(_asked: Any, do: Callable[[], Reply]) -> Reply:
    do()
    return soap("<CreatePersonResponse><person><id>P1</id><login>somebody-else</login></person></CreatePersonResponse>")


@pytest.mark.parametrize(
    "how",
    [lambda _a, do: (do(), fault("Server", "out of memory"))[1], dropped, slow(1.5), page(200), page(500), other],
    ids=[
        "a fault of the server",
        "lost connection",
        "too late",
        "a web page",
        "a web page with 500",
        "another's record",
    ],
)
def test_a_create_that_nobody_answered_is_not_done_twice(service: PeopleService, how: Fault) -> None:
    def make_and_fail(asked: Any, do: Callable[[], Reply]) -> Reply | None:
        do()
        return how(asked, lambda: soap("<CreatePersonResponse/>"))

    service.fail("CreatePerson", make_and_fail)
    outcome = guarded(service, create(1, {"login": "a"}, kind="person"), timeout=1)[1]
    assert (outcome.result, outcome.anchor) == (Result.EXISTS, "P101")
    assert len(service.people) == 1


@pytest.mark.parametrize(
    ("answer", "result", "said"),
    [
        (fault("Client", "title is too long"), Result.REJECTED, "UpdatePerson was answered 400: title is too long"),
        (fault("Server", "try later"), Result.RETRY, "500: try later"),
        (fault("Client", "gone", "NOT_FOUND"), Result.GONE, "400: gone"),
    ],
)
def test_what_a_fault_means(service: PeopleService, answer: Reply, result: Result, said: str) -> None:
    made = connector(service)
    anchor = one(made, create(1, {"login": "a"}, kind="person")).anchor or ""
    service.fail("UpdatePerson", lambda _asked, _do: answer)
    outcome = one(made, update(anchor, {"title": "x"}, kind="person"))
    assert outcome.result is result
    assert said in outcome.reason


def test_a_web_page_is_no_empty_list(service: PeopleService) -> None:
    service.fail("ListPeople", page(200))
    with connector(service) as made, pytest.raises(IncompleteRead, match="ListPeople was answered 200 with a web page"):
        list(made.read({"person": ["login"]}, None))


def test_another_record_than_asked_is_not_taken_for_it(service: PeopleService) -> None:
    made = connector(service)
    anchor = one(made, create(1, {"login": "a"}, kind="person")).anchor or ""
    service.fail(
        "GetPerson", lambda _a, _d: soap("<GetPersonResponse><person><id>P9</id></person></GetPersonResponse>")
    )
    with made, pytest.raises(IncompleteRead, match="asked for person 'P101', the application shows person 'P9'"):
        made.get("person", anchor)


# --- what a WSDL and a message may not do


def entities(text: str) -> bytes:
    declared = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    return f'<?xml version="1.0"?>{declared}{text}'.encode()


def test_an_answer_with_entities_is_refused(service: PeopleService) -> None:
    body = "<ListPeopleResponse><total>1</total><person><id>1</id><login>&f;&b;</login></person></ListPeopleResponse>"
    raw = entities((soap(body).raw or b"").decode())
    service.fail("ListPeople", lambda _a, _d: Reply(200, headers={"Content-Type": "text/xml"}, raw=raw))
    with connector(service) as made, pytest.raises(IncompleteRead, match="that is no answer of the service") as raised:
        list(made.read({"person": ["login"]}, None))
    assert "root:" not in raised.value.message


def test_a_wsdl_with_entities_is_refused(service: PeopleService) -> None:
    raw = entities("<definitions>&f;</definitions>")
    service.fail("GET /people.wsdl", lambda _a, _d: Reply(200, raw=raw))
    with pytest.raises(IncompleteRead, match=r"the WSDL http://.* cannot be used"):
        connector(service).__enter__()


@pytest.mark.parametrize("where", ["http://elsewhere.example/people.xsd", "//elsewhere.example/people.xsd"])
def test_a_wsdl_imports_only_from_hosts_that_are_named(service: PeopleService, where: str) -> None:
    service.xsd_at = where
    with pytest.raises(ProjectError, match=r"elsewhere\.example.*a host that the system file does not name"):
        connector(service).__enter__()


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://elsewhere.example/x.xsd", "/etc/passwd"])
def test_a_wsdl_reads_no_file_outside_the_project(service: PeopleService, where: str, tmp_path: Path) -> None:
    text = (FOLDER / "people.wsdl").read_text().replace("@XSD@", where).replace("@ADDRESS@", f"{service.url}/people")
    (tmp_path / "people.wsdl").write_text(text)
    with pytest.raises(ProjectError, match=r"is outside the project folder|cannot be read"):
        connector(service, wsdl="people.wsdl", address=f"{service.url}/people", folder=tmp_path).__enter__()


def test_a_service_on_a_host_that_is_not_named_gets_no_message(service: PeopleService) -> None:
    service.address = "http://elsewhere.example/people"
    with pytest.raises(ProjectError, match=r"the service is at http://elsewhere\.example/people"):
        connector(service).__enter__()
    with connector(service, address=f"{service.url}/people") as made:
        assert made.check().ok


def test_a_wsdl_may_be_a_file_of_the_project(service: PeopleService, tmp_path: Path) -> None:
    text = (FOLDER / "people.wsdl").read_text().replace("@XSD@", "people.xsd").replace("@ADDRESS@", "http://old/")
    (tmp_path / "people.wsdl").write_text(text)
    shutil.copy(FOLDER / "people.xsd", tmp_path)
    address = f"{service.url}/people"
    with connector(service, wsdl="people.wsdl", address=address, folder=tmp_path) as made:
        assert made.check().ok


def test_what_the_wsdl_does_not_have_is_named(service: PeopleService) -> None:
    wrong = {**PERSON, "delete": {"operation": "RemovePerson", "request": {"id": "{anchor}"}}}
    with connector(service, person=wrong) as made:
        health = made.check()
    assert not health.ok
    assert "the WSDL has no operation 'RemovePerson'. It has: CreatePerson, DeletePerson" in health.missing[0]
    wrong = {**PERSON, "get": {"operation": "GetPerson", "request": {"number": "{anchor}"}}}
    with connector(service, person=wrong) as made, pytest.raises(IncompleteRead, match="unexpected keyword argument"):
        made.get("person", "P1")
    with pytest.raises(IncompleteRead, match="there is no service 'Other'; known: PeopleService"):
        connector(service, service="Other").__enter__()


def test_a_dead_service_ends_the_session(service: PeopleService) -> None:
    dead = f"http://{HOST}:{free_port()}/people"
    with connector(service, address=dead) as made, pytest.raises(Unreachable):
        list(made.write([Change(1, "person", Action.DELETE, "P1")]))


def test_values_of_a_service_are_plain() -> None:
    assert plain({"a": [Decimal("2"), Decimal("2.5"), b"x"], "b": None}) == {"a": [2, 2.5, "eA=="], "b": None}
    assert put({"page": {"size": 3}, "x": 1}, "page.number", "2") == {"page": {"size": 3, "number": "2"}, "x": 1}
