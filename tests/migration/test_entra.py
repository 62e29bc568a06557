"""A synchronizationSchema of Microsoft Graph becomes mappings that mean the same; what cannot is said by name."""

from __future__ import annotations

from typing import Any

import pytest

from muster.migration.entra.job import Job, read_job
from muster.migration.entra.schema import read_schema
from muster.model.errors import ProjectError
from tests.migration.support import AROUND, attribute, clause, document, draft, imported, left, schema


def flows(*attributes: dict[str, Any], system: str = "crm", **more: Any) -> dict[str, Any]:
    """The outbound flows of users whose attribute mappings these are."""
    found = imported(schema(*attributes, **more), system=system)
    return dict(found.drafts[0].content["outbound"].get("flows", {}))


def test_attributes_of_the_cloud_have_the_metaverse_names() -> None:
    assert flows(
        attribute("a", "[objectId]"),
        attribute("b", "[mobile]"),
        attribute("c", "[telephoneNumber]"),
        attribute("d", "[physicalDeliveryOfficeName]"),
        attribute("e", "[extensionAttribute7]"),
        attribute("f", "[UserPrincipalName]"),
        attribute("g", 'Join("[mobile]", [mobile], [manager.mail])'),
    ) == {
        "a": "[id]",
        "b": "[mobilePhone]",
        "c": "ItemOrNull([businessPhones], 1)",
        "d": "[officeLocation]",
        "e": "[extensionAttribute7]",
        "f": "[userPrincipalName]",
        "g": 'Join("[mobile]", [mobilePhone], [manager.mail])',
    }


def test_an_attribute_of_their_own_is_declared() -> None:
    found = imported(schema(attribute("code", "[extension_0a1b_jobCode]")), system="crm")
    assert found.attributes == {"person": {"extension_0a1b_jobCode": "text"}}
    assert "[extension_0a1b_jobCode]" in left(found)


@pytest.mark.parametrize(
    ("flow_type", "flow"),
    [
        ("Always", "[jobTitle]"),
        ("ObjectAddOnly", {"value": "[jobTitle]", "enforce": "once"}),
        ("AttributeAddOnly", {"value": "[jobTitle]", "enforce": "default"}),
        ("ValueAddOnly", {"value": "[jobTitle]", "enforce": "add"}),
        ("MultiValueAddOnly", {"value": "[jobTitle]", "enforce": "add"}),
        (None, "[jobTitle]"),
    ],
)
def test_flow_types_say_when_a_value_is_written(flow_type: str | None, flow: Any) -> None:
    assert flows(attribute("title", "[jobTitle]", flowType=flow_type)) == {"title": flow}


def test_a_constant_is_a_literal_and_a_default_alone_counts_for_new_objects() -> None:
    constant = {"targetAttributeName": "type", "source": {"type": "Constant", "name": 'Full "time"', "expression": ""}}
    alone = {"targetAttributeName": "locale", "source": None, "defaultValue": "de-DE"}
    nothing = {"targetAttributeName": "empty", "source": None, "defaultValue": None}
    found = imported(schema(constant, alone, nothing), system="crm")
    assert found.drafts[0].content["outbound"]["flows"] == {
        "type": '"Full \\"time\\""',
        "locale": {"value": '"de-DE"', "enforce": "once"},
    }
    assert "user: empty" in left(found)


def test_a_default_counts_for_new_objects_alone() -> None:
    always, once = attribute("a", "[city]", defaultValue="Bonn"), attribute("b", "[city]", defaultValue="Bonn")
    found = imported(schema(always, once | {"flowType": "ObjectAddOnly"}), system="crm")
    assert found.drafts[0].content["outbound"]["flows"] == {
        "a": {"value": "[city]", "default": '"Bonn"'},
        "b": {"value": "[city]", "default": '"Bonn"', "enforce": "once"},
    }
    assert not [what for what in left(found) if "default" in what]


def test_matching_priorities_are_join_lines_in_their_order() -> None:
    found = imported(
        schema(
            attribute("third", "ToLower([mail])", matchingPriority=3),
            attribute("second", "[employeeId]", matchingPriority=2),
            attribute("first", "[userPrincipalName]", matchingPriority=1),
        ),
        system="crm",
    )
    assert found.drafts[0].content["join"] == [
        {"userPrincipalName": "[first]"},
        {"employeeId": "[second]"},
        {"crmThird": "[third]"},
    ]
    assert found.computed == {"person": {"crmThird": "ToLower([mail])"}}


def test_the_switch_that_followed_deletion_is_provision_and_deprovision() -> None:
    soft = attribute("active", 'Switch([IsSoftDeleted], , "False", "True", "True", "False")')
    found = imported(schema(soft, attribute("status", 'IIF([IsSoftDeleted], "gone", "here")')), system="crm")
    outbound = found.drafts[0].content["outbound"]
    assert (outbound["provision"], outbound["deprovision"]) == ("[active]", "disable")
    assert "flows" not in outbound


def test_without_such_a_switch_the_application_got_a_delete() -> None:
    assert (
        imported(schema(attribute("a", "[mail]")), system="crm").drafts[0].content["outbound"]["deprovision"]
        == "delete"
    )


def test_an_account_that_nothing_can_disable_is_left_alone_never_deleted() -> None:
    table = AROUND.systems["salesforce"].objects["user"]
    bare = type(AROUND.systems["salesforce"])("salesforce", "sql", {"user": type(table)("user", {}, False)})
    around = type(AROUND)({**AROUND.systems, "salesforce": bare}, AROUND.attributes, AROUND.filled)
    found = imported(schema(attribute("IsActive", "Not([IsSoftDeleted])")), around=around, system="salesforce")
    assert found.drafts[0].content["outbound"]["deprovision"] == "leave"
    assert "user: IsActive" in left(found)


@pytest.mark.parametrize(
    ("switches", "provision", "deprovision", "actions"),
    [
        ("Add, Update, Delete", "[active]", "disable", None),
        ("Add, Update", "[active]", None, ["create", "update"]),
        ("Add, Delete", "[active]", "disable", ["create", "delete"]),
        ("Update, Delete", "[active]", "disable", ["update", "delete"]),
        ("Update", None, None, None),
    ],
)
def test_the_switches_of_an_object_mapping(
    switches: str, provision: str | None, deprovision: str | None, actions: list[str] | None
) -> None:
    soft = attribute("active", "Not([IsSoftDeleted])")
    outbound = imported(schema(soft, flowTypes=switches), system="crm").drafts[0].content["outbound"]
    found = (outbound.get("provision"), outbound.get("deprovision"), outbound.get("actions"))
    assert found == (provision, deprovision, actions)


def test_groups_of_a_scope_are_joined_by_or_their_clauses_by_and() -> None:
    scope = {
        "groups": [
            {
                "name": "a",
                "clauses": [clause("department", "EQUALS", "Sales"), clause("country", "NOT EQUALS", "DE", "FR")],
            },
            {"name": "b", "clauses": [clause("mobile", "IS NOT NULL")]},
        ]
    }
    outbound = imported(schema(attribute("a", "[mail]"), scope=scope), system="crm").drafts[0].content["outbound"]
    assert outbound["provision"] == (
        '[active] and (([department] = "Sales" and IsPresent([country]) and [country] <> "DE" and IsPresent([country]) '
        'and [country] <> "FR") or IsPresent([mobilePhone]))'
    )


def test_a_scope_that_cannot_be_said_makes_no_accounts() -> None:
    scope = {"groups": [{"clauses": [clause("department", "SOUNDS_LIKE", "Sails")]}]}
    found = imported(schema(attribute("a", "[mail]"), scope=scope), system="crm")
    assert "provision" not in found.drafts[0].content["outbound"]
    assert "SOUNDS_LIKE" in left(found)["user: scope"]


def test_nobody_is_given_an_account_before_it_is_known_who_was_assigned() -> None:
    found = imported(schema(attribute("a", "[mail]")), system="crm", everyone=False)
    assert "provision" not in found.drafts[0].content["outbound"]
    assert "user: who gets an account" in left(found)
    found = imported(schema(attribute("a", "[mail]")), Job(everyone=True), system="crm", everyone=False)
    assert found.drafts[0].content["outbound"]["provision"] == "[active]"
    found = imported(schema(attribute("a", "[mail]")), system="crm", assigned='[department] = "IT" or [city] = "Bonn"')
    assert found.drafts[0].content["outbound"]["provision"] == '[active] and ([department] = "IT" or [city] = "Bonn")'


def test_scim_names_are_the_connectors() -> None:
    user = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    assert flows(
        attribute(f"{user}:department", "[department]"),
        attribute(f"{user}:manager", "[manager]"),
        attribute('emails[type eq "work"].value', "[mail]"),
        attribute("active", "[accountEnabled]"),
        targetObjectName=user,
    ) == {
        "enterprise.department": "[department]",
        "enterprise.manager": {"reference": "[manager]"},
        'emails[type eq "work"].value': "[mail]",
        "enabled": "[accountEnabled]",
    }


def test_groups_keep_their_members_and_what_is_switched_off_is_named() -> None:
    found = imported("entra-to-scim", system="crm")
    group = draft(found, "crm-group").content
    assert (group["identity"], group["object"]) == ("group", "group")
    assert group["outbound"] == {
        "provision": "true",
        "deprovision": "delete",
        "flows": {"displayName": "[displayName]", "externalId": "[id]", "members": {"references": "[members]"}},
    }
    assert left(found)["Provision devices"] == "it is switched off in Entra"


def test_app_roles_stand_as_they_are_and_are_named() -> None:
    found = imported("entra-to-scim", system="crm")
    user = draft(found, "crm-user").content["outbound"]["flows"]
    assert user['roles[primary eq "True"].value'] == "SingleAppRoleAssignment([appRoleAssignments])"
    assert found.attributes["person"]["appRoleAssignments"] == ["text"]
    assert 'user: roles[primary eq "True"].value' in left(found)
    assert 'user: roles[primary eq "True"].value (app roles)' in left(found)


def test_an_expression_that_is_none_is_left_out_alone() -> None:
    found = imported("entra-to-salesforce", system="salesforce", assigned="[active]")
    assert "Broken" not in draft(found, "salesforce-user").content["outbound"]["flows"]
    assert "user: Broken" in left(found)


def test_hr_flows_in_under_its_own_names_and_its_scope_stands_as_it_is() -> None:
    found = imported("workday-to-ad", system="ad", source="workday")
    worker = draft(found, "workday-worker").content
    assert worker["scope"] == {
        "filters": [
            [{"attribute": "CountryReferenceTwoLetter", "operator": "EQUALS", "value": "DE"}],
            [{"attribute": "CountryReferenceTwoLetter", "operator": "EQUALS", "value": "FR"}],
        ]
    }
    assert (worker["join"], worker["project"]) == ([{"WorkerID": "[WorkerID]"}], True)
    assert worker["inbound"]["flows"] == {
        "WorkerID": "[WorkerID]",
        "PreferredFirstName": "[PreferredFirstName]",
        "PreferredLastName": "[PreferredLastName]",
        "Municipality": "[Municipality]",
        "Active": "[Active]",
        "BusinessTitle": "[BusinessTitle]",
        "manager": {"reference": "[ManagerReference]", "to": "worker"},
    }


def test_names_and_places_in_active_directory_are_one_dn() -> None:
    found = imported("workday-to-ad", system="ad", source="workday")
    user = draft(found, "ad-user").content
    assert user["join"] == [{"WorkerID": "[employeeID]"}]
    assert (user["outbound"]["provision"], user["outbound"]["deprovision"]) == ("true", "disable")
    assert user["outbound"]["password"] == "generate"
    flow = user["outbound"]["flows"]
    assert flow["dn"] == {
        "value": 'Join("", "CN=", EscapeDN(Join(" ", [PreferredFirstName], [PreferredLastName])), ",", '
        'Switch([Municipality], "OU=People,DC=corp,DC=example", "Berlin", "OU=Berlin,OU=People,DC=corp,DC=example"))',
        "enforce": "once",
    }
    assert flow["enabled"] == 'Not(Switch([Active], , "0", "True", "1", "False"))'
    assert flow["manager"] == {"reference": "[manager]"}
    assert not {"cn", "parentDistinguishedName", "accountDisabled"} & flow.keys()
    assert "user: cn only for new objects" in left(found)


def test_accounts_out_of_scope_are_left_when_the_job_said_so_and_leavers_still_lose_theirs() -> None:
    found = imported("workday-to-ad", Job(skip_out_of_scope=True), system="ad", source="workday")
    outbound = draft(found, "ad-user").content["outbound"]
    assert (outbound["provision"], outbound["deprovision"], outbound["out of scope"]) == ("true", "disable", "leave")
    assert outbound["scope"] == ('([CountryReferenceTwoLetter] = "DE") or ([CountryReferenceTwoLetter] = "FR")')
    worker = draft(found, "workday-worker").content
    assert "scope" not in worker
    assert worker["inbound"]["flows"]["CountryReferenceTwoLetter"] == "[CountryReferenceTwoLetter]"


def test_assignment_is_a_scope_of_the_cloud_where_the_job_left_alone_who_lost_it() -> None:
    found = imported(schema(attribute("a", "[mail]")), Job(skip_out_of_scope=True), system="crm", assigned="[city] = 1")
    outbound = found.drafts[0].content["outbound"]
    assert (outbound["provision"], outbound["scope"], outbound["out of scope"]) == ("[active]", "[city] = 1", "leave")
    found = imported(schema(attribute("a", "[mail]")), Job(skip_out_of_scope=True), system="crm")
    assert "scope" not in found.drafts[0].content["outbound"]


def test_writeback_only_updates() -> None:
    found = imported("entra-to-workday", system="workday")
    assert draft(found, "workday-worker-writeback").content == {
        "system": "workday",
        "object": "worker",
        "identity": "person",
        "join": [{"employeeId": "[WorkerID]"}],
        "outbound": {"flows": {"WorkerID": "[employeeId]", "EmailAddress": "[mail]", "UserID": "[userPrincipalName]"}},
    }


def test_a_job_says_who_how_often_and_how_many_deletes() -> None:
    job = read_job([document("job"), document("secrets")], "job.json")
    assert job == Job(everyone=True, deletes=250, notify="iam@acme.example", minutes=40)
    found = imported("entra-to-scim", job, system="crm")
    assert {"schedule (every 40 minutes)", "accidental-deletion limit (250)", "notification e-mail"} <= left(
        found
    ).keys()
    assert "t0ps3cret" not in repr(found)


def test_no_schedule_and_no_notification_are_none() -> None:
    job = {"schedule": {"interval": "P10675199DT2H48M5.4775807S", "state": "Disabled"}, "templateId": "x"}
    assert read_job(job, "job.json") == Job(paused=True)


@pytest.mark.parametrize("wrong", [{}, [], {"value": []}, {"synchronizationRules": [{"objectMappings": [7]}]}])
def test_other_documents_are_refused_by_name(wrong: Any) -> None:
    with pytest.raises(ProjectError, match=r"^schema.json is no synchronizationSchema"):
        read_schema(wrong, "schema.json")


def test_a_system_that_there_is_not_is_named_with_those_there_are() -> None:
    with pytest.raises(ProjectError, match=r"no systems/crn.yaml .* There are: ad, cloud, crm, salesforce, workday"):
        imported("entra-to-scim", system="crn")
    with pytest.raises(ProjectError, match=r"Say --source NAME"):
        imported("workday-to-ad", system="ad")
