"""Settings, resources and filters of the Graph connector, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from muster.connectors.graph import filters, wire
from muster.connectors.graph.resources import GraphType, graph_type
from muster.connectors.graph.settings import GraphSettings, Resource
from muster.model.objects import ConnectorObject, ReadProblem
from muster.model.values import Document, Value, WrongType

APPLICATION = {"tenant": "acme.example", "client_id": "app", "secret": "s"}
USER = graph_type("user", Resource.USER)
CONTACT = graph_type("contact", Resource.CONTACT, own=True, synchronises=True)
DEVICE = graph_type("device", Resource.DEVICE)


@pytest.mark.parametrize(
    ("given", "graph", "login"),
    [
        ({}, "https://graph.microsoft.com/v1.0", "https://login.microsoftonline.com"),
        ({"cloud": "usgov"}, "https://graph.microsoft.us/v1.0", "https://login.microsoftonline.us"),
        ({"cloud": "usgov-dod"}, "https://dod-graph.microsoft.us/v1.0", "https://login.microsoftonline.us"),
        ({"cloud": "china"}, "https://microsoftgraph.chinacloudapi.cn/v1.0", "https://login.chinacloudapi.cn"),
        ({"url": "https://d.example:8443/v1.0/"}, "https://d.example:8443/v1.0", "https://d.example:8443"),
        ({"url": "https://d.example"}, "https://d.example/v1.0", "https://d.example"),
        ({"url": "https://d", "login_url": "https://l/"}, "https://d/v1.0", "https://l"),
    ],
)
def test_each_cloud_has_its_addresses(given: dict[str, str], graph: str, login: str) -> None:
    settings = GraphSettings.model_validate({**APPLICATION, "secret": None, "certificate": "app.pem", **given})
    assert (settings.graph, settings.login) == (graph, login)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cloud": "mars"}, "global"),
        ({"cloud": "global", "url": "https://d"}, "either cloud"),
        ({"login_url": "https://d"}, "goes with url"),
        ({"url": "d.example"}, "expected https://host"),
        ({"certificate": None}, "either secret or certificate"),
        ({"tenent": "x"}, "tenent"),
    ],
)
def test_settings_that_do_not_fit_together_are_told(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        GraphSettings.model_validate({**APPLICATION, "secret": None, "certificate": "app.pem", **given})


def test_microsoft_is_not_asked_for_what_only_our_own_directory_has() -> None:
    own = graph_type("group", Resource.GROUP, own=True, synchronises=True)
    microsofts = graph_type("group", Resource.GROUP)
    names = ["displayName", "onPremisesImmutableId", "extensionAttribute1"]
    assert own.selected(names) == ["id", "displayName", "onPremisesImmutableId", "onPremisesExtensionAttributes"]
    assert microsofts.selected(names) == ["id", "displayName"]
    for name in names[1:]:
        assert own.schema.attributes[name].writable == "always"
        assert microsofts.schema.attributes[name].writable == "never"
        assert filters.equality(microsofts, name, "x") is None


def test_only_wanted_properties_are_selected_and_references_are_none() -> None:
    group = graph_type("group", Resource.GROUP)
    assert group.selected(["displayName", "members", "owners"]) == ["id", "displayName"]
    assert USER.selected(["enabled", "costCenter", "division", "manager", "extensionAttribute1"]) == [
        "id",
        "accountEnabled",
        "employeeOrgData",
        "onPremisesExtensionAttributes",
    ]


@pytest.mark.parametrize(
    ("kind", "name", "value", "text", "advanced"),
    [
        (USER, "displayName", "O'Brien", "displayName eq 'O''Brien'", False),
        (USER, "enabled", True, "accountEnabled eq true", False),
        (USER, "companyName", "A", "companyName eq 'A'", True),
        (USER, "costCenter", "1", "employeeOrgData/costCenter eq '1'", True),
        (USER, "employeeHireDate", "2026-01-31", "employeeHireDate eq 2026-01-31T00:00:00Z", True),
        (USER, "department", None, "department eq null", True),
        (USER, "otherMails", None, "not(otherMails/any())", True),
        (
            USER,
            "proxyAddresses",
            ["a", "b"],
            "proxyAddresses/any(x:x eq 'a') and proxyAddresses/any(x:x eq 'b')",
            False,
        ),
        (USER, "assignedLicenses", "0-1", "assignedLicenses/any(x:x/skuId eq 0-1)", False),
        (DEVICE, "deviceId", "0-1", "deviceId eq '0-1'", False),
    ],
)
def test_filters(kind: GraphType, name: str, value: Value, text: str, advanced: bool) -> None:
    found = filters.equality(kind, name, value)
    assert found is not None
    assert (found.text, found.advanced) == (text, advanced)


def test_filters_for_some_values_and_for_what_cannot_be_asked() -> None:
    assert filters.among(USER, "mail", ["a", "b'"]) == filters.Filter("mail in ('a','b''')")
    many = filters.among(USER, "otherMails", ["a", "b"])
    assert many == filters.Filter("otherMails/any(x:x eq 'a') or otherMails/any(x:x eq 'b')")
    assert filters.equality(USER, "manager", "x") is None
    assert filters.among(DEVICE, "model", ["x"]) is None
    with pytest.raises(WrongType):
        filters.equality(USER, "enabled", "perhaps")
    advanced = filters.both([filters.Filter("a"), filters.Filter("b", advanced=True)])
    assert filters.query({**advanced.parameters, "$select": "id"}) == "$filter=a%20and%20b&$count=true&$select=id"
    assert advanced.headers == {"ConsistencyLevel": "eventual"}


def test_reading_takes_what_is_wanted_in_its_types() -> None:
    resource: dict[str, Any] = {
        "id": "1",
        "mail": None,
        "accountEnabled": False,
        "employeeHireDate": "2026-01-31T01:00:00+01:00",
        "employeeOrgData": {"costCenter": "7"},
        "onPremisesExtensionAttributes": {"extensionAttribute1": "x"},
        "manager": {"id": "2"},
        "businessPhones": [],
    }
    wanted = ["mail", "enabled", "employeeHireDate", "costCenter", "division", "extensionAttribute1", "manager"]
    found = wire.read(USER, resource, [*wanted, "businessPhones"])
    assert isinstance(found, ConnectorObject)
    assert found.values == {
        "enabled": False,
        "employeeHireDate": "2026-01-31T00:00:00Z",
        "costCenter": "7",
        "extensionAttribute1": "x",
        "manager": "2",
    }
    wrong = wire.read(USER, {"id": "1", "employeeHireDate": "soon"}, ["employeeHireDate"])
    assert isinstance(wrong, ReadProblem)
    assert (wrong.anchor, "employeeHireDate: expected a date" in wrong.message) == ("1", True)


def test_writing_puts_values_in_their_places() -> None:
    body: dict[str, Any] = {}
    for name, value in {"costCenter": "7", "division": None, "enabled": True, "otherMails": None}.items():
        wire.put(body, USER, name, value, {})
    assert body == {
        "employeeOrgData": {"costCenter": "7", "division": None},
        "accountEnabled": True,
        "otherMails": [],
    }
    body = {}
    wire.put(body, DEVICE, "alternativeSecurityIds", ["QUJD"], {})
    assert body == {"alternativeSecurityIds": [{"type": 2, "key": "QUJD"}]}
    with pytest.raises(WrongType, match="there is no attribute 'nonsense'"):
        wire.put(body, USER, "nonsense", 1, {})


def test_writing_an_item_keeps_the_others() -> None:
    shown = {
        "phones": [{"type": "mobile", "number": "1"}, {"type": "pager", "number": "2"}],
        "addresses": [{"city": "B"}],
    }
    body: dict[str, Any] = {}
    values: Document = {"mobilePhone": None, "businessPhones": ["3"], "postalCode": "4"}
    for name, value in values.items():
        wire.put(body, CONTACT, name, value, shown)
    assert body == {
        "phones": [{"type": "pager", "number": "2"}, {"type": "business", "number": "3"}],
        "addresses": [{"city": "B", "postalCode": "4"}],
    }


def test_no_text_that_comes_for_an_id_leads_elsewhere() -> None:
    assert USER.path("../groups/x?$select=id#") == "/users/..%2Fgroups%2Fx%3F%24select%3Did%23"
    assert (USER.path(), DEVICE.path("1-2")) == ("/users", "/devices/1-2")
