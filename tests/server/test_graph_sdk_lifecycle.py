"""Microsoft's own SDK, unchanged: what becomes of objects. Changes of devices, sessions, deletion and return, roles."""

from __future__ import annotations

import datetime
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.directory_objects.get_by_ids.get_by_ids_post_request_body import GetByIdsPostRequestBody
from msgraph.generated.groups.item.transitive_members.count.count_request_builder import CountRequestBuilder
from msgraph.generated.models.aad_user_conversation_member import AadUserConversationMember
from msgraph.generated.models.assigned_license import AssignedLicense
from msgraph.generated.models.device import Device
from msgraph.generated.models.extension_property import ExtensionProperty
from msgraph.generated.models.group import Group
from msgraph.generated.models.invitation import Invitation
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.reference_update import ReferenceUpdate
from msgraph.generated.models.team import Team
from msgraph.generated.models.temporary_access_pass_authentication_method import (
    TemporaryAccessPassAuthenticationMethod,
)
from msgraph.generated.models.user import User
from msgraph.generated.teams.item.archive.archive_post_request_body import ArchivePostRequestBody
from msgraph.generated.teams.item.members.add.add_post_request_body import AddPostRequestBody
from msgraph.generated.users.item.assign_license.assign_license_post_request_body import AssignLicensePostRequestBody
from msgraph.generated.users.item.check_member_groups.check_member_groups_post_request_body import (
    CheckMemberGroupsPostRequestBody,
)
from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder

from tests.server.sdk import fresh, run, some, user
from tests.servers.muster import MusterServer

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
"""azure-identity leaves its connections to the garbage collector."""


def with_headers(**headers: str) -> RequestConfiguration[Any]:
    found: RequestConfiguration[Any] = RequestConfiguration()
    for name, value in headers.items():
        found.headers.add(name.replace("_", "-"), value)
    return found


def selecting(*names: str, expand: str | None = None) -> RequestConfiguration[Any]:
    parameters = UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(
        select=list(names), expand=[expand] if expand else None
    )
    return RequestConfiguration(query_parameters=parameters)


async def made_user(graph: GraphServiceClient, **more: Any) -> str:
    return str(some(await graph.users.post(user(fresh(), **more))).id)


async def made_group(graph: GraphServiceClient, *types: str) -> str:
    name = fresh()
    body = Group(
        display_name=name,
        mail_enabled="Unified" in types,
        mail_nickname=name,
        security_enabled="Unified" not in types,
        group_types=list(types),
    )
    return str(some(await graph.groups.post(body)).id)


# --- changes


def test_changes_of_devices_are_followed(server: MusterServer) -> None:
    async def work(graph: GraphServiceClient) -> None:
        page = await graph.devices.delta.get()
        while page is not None and page.odata_next_link:
            page = await graph.devices.delta.with_url(page.odata_next_link).get()
        body = Device(
            account_enabled=True,
            display_name="laptop",
            device_id=str(uuid.uuid4()),
            operating_system="Linux",
            operating_system_version="6.1",
            additional_data={"alternativeSecurityIds": [{"type": 2, "key": "QUJD"}]},
        )
        made = some(await graph.devices.post(body))
        page = some(await graph.devices.delta.with_url(str(some(page).odata_delta_link)).get())
        assert [(one.id, one.display_name) for one in page.value or []] == [(made.id, "laptop")]
        await graph.devices.by_device_id(str(made.id)).patch(Device(account_enabled=False))
        page = some(await graph.devices.delta.with_url(str(page.odata_delta_link)).get())
        assert [(one.id, one.account_enabled) for one in page.value or []] == [(made.id, False)]
        await graph.devices.by_device_id(str(made.id)).delete()
        page = some(await graph.devices.delta.with_url(str(page.odata_delta_link)).get())
        assert [(one.id, one.additional_data) for one in page.value or []] == [
            (made.id, {"@removed": {"reason": "deleted"}})
        ]

    run(server, work)


def test_members_that_come_and_go_are_told_as_such(server: MusterServer) -> None:
    async def work(graph: GraphServiceClient) -> None:
        group, first, second = await made_group(graph), await made_user(graph), await made_user(graph)
        members = graph.groups.by_group_id(group).members
        await members.ref.post(ReferenceCreate(odata_id=f"{server.graph}/directoryObjects/{first}"))
        page = await graph.groups.delta.get()
        while page is not None and page.odata_next_link:
            page = await graph.groups.delta.with_url(page.odata_next_link).get()
        await members.ref.post(ReferenceCreate(odata_id=f"{server.graph}/directoryObjects/{second}"))
        await members.by_directory_object_id(first).ref.delete()
        page = some(await graph.groups.delta.with_url(str(some(page).odata_delta_link)).get())
        (told,) = page.value or []
        changed = {str(one["id"]): one.get("@removed") for one in told.additional_data["members@delta"]}
        assert changed == {first: {"reason": "deleted"}, second: None}

    run(server, work)


def test_who_changes_what_has_changed_is_told(server: MusterServer) -> None:
    async def work(graph: GraphServiceClient) -> None:
        one = graph.users.by_user_id(await made_user(graph))
        await one.patch(User(job_title="Engineer"))
        with pytest.raises(ODataError) as caught:
            await one.patch(User(job_title="Director"), request_configuration=with_headers(If_Match='W/"1"'))
        assert caught.value.response_status_code == 412
        assert some(caught.value.error).code == "Request_PreconditionFailed"

    run(server, work)


# --- sessions and passes


def test_sessions_are_revoked(server: MusterServer) -> None:
    async def work(graph: GraphServiceClient) -> None:
        one = graph.users.by_user_id(await made_user(graph))
        assert some(await one.revoke_sign_in_sessions.post()).value is True
        found = some(await one.get(request_configuration=selecting("signInSessionsValidFromDateTime")))
        since = datetime.datetime.now(datetime.UTC) - some(found.sign_in_sessions_valid_from_date_time)
        assert since < datetime.timedelta(minutes=5)

    run(server, work)


def test_a_pass_is_told_once_replaced_and_taken_back(server: MusterServer) -> None:
    async def work(graph: GraphServiceClient) -> None:
        one = graph.users.by_user_id(await made_user(graph))
        methods = one.authentication.temporary_access_pass_methods
        first = some(await methods.post(TemporaryAccessPassAuthenticationMethod(lifetime_in_minutes=60)))
        second = some(await methods.post(TemporaryAccessPassAuthenticationMethod(is_usable_once=True)))
        assert first.temporary_access_pass
        assert first.temporary_access_pass != second.temporary_access_pass
        assert [each.id for each in some(await methods.get()).value or []] == [second.id]
        method = methods.by_temporary_access_pass_authentication_method_id(str(second.id))
        found = some(await method.get())
        assert (found.temporary_access_pass, found.is_usable, found.method_usability_reason) == (
            None,
            True,
            "EnabledByPolicy",
        )
        assert [each.id for each in some(await one.authentication.methods.get()).value or []] == [second.id]
        await method.delete()
        assert some(await methods.get()).value == []
        with pytest.raises(ODataError, match="must be between 10 and 43200"):
            await methods.post(TemporaryAccessPassAuthenticationMethod(lifetime_in_minutes=1))

    run(server, work)


# --- deletion and return


def test_a_group_comes_back_with_its_members_and_owners(server: MusterServer) -> None:
    async def work(graph: GraphServiceClient) -> None:
        guid, member, owner = await made_group(graph), await made_user(graph), await made_user(graph)
        group = graph.groups.by_group_id(guid)
        await group.members.ref.post(ReferenceCreate(odata_id=f"{server.graph}/directoryObjects/{member}"))
        await group.owners.ref.post(ReferenceCreate(odata_id=f"{server.graph}/directoryObjects/{owner}"))
        await group.delete()
        assert guid in [one.id for one in some(await graph.directory.deleted_items.graph_group.get()).value or []]
        assert some(await graph.users.by_user_id(member).member_of.get()).value == []
        item = graph.directory.deleted_items.by_directory_object_id(guid)
        assert isinstance(await item.get(), Group)
        await item.restore.post()
        assert [one.id for one in some(await group.members.get()).value or []] == [member]
        assert [one.id for one in some(await group.owners.get()).value or []] == [owner]
        await group.delete()
        await item.delete()
        for lost in (item.get, item.restore.post, group.get):
            with pytest.raises(ODataError, match="does not exist"):
                await lost()

    run(server, work)


def test_a_guest_accepts(server: MusterServer) -> None:
    async def work(graph: GraphServiceClient) -> None:
        body = Invitation(
            invited_user_email_address=f"{fresh()}@else.example", invite_redirect_url="https://acme.example/welcome"
        )
        invited = some(await graph.invitations.post(body))
        guest = graph.users.by_user_id(str(some(invited.invited_user).id))
        query = selecting("userType", "externalUserState", "creationType")
        before = some(await guest.get(request_configuration=query))
        assert (before.user_type, before.external_user_state) == ("Guest", "PendingAcceptance")
        link = urlsplit(str(invited.invite_redeem_url))
        with server.client() as browser:
            assert "has invited you" in browser.get(f"{link.path}?{link.query}").text
            answer = browser.post(f"{link.path}?{link.query}")
            assert (answer.status_code, answer.headers["Location"]) == (303, "https://acme.example/welcome")
            assert browser.post(f"{link.path}?{link.query}").status_code == 404
        assert some(await guest.get(request_configuration=query)).external_user_state == "Accepted"

    run(server, work)


# --- teams


def test_roles_in_a_team(server: MusterServer) -> None:
    def member(guid: str, *roles: str) -> AadUserConversationMember:
        bind = {"user@odata.bind": f"{server.graph}/users('{guid}')"}
        return AadUserConversationMember(roles=list(roles), additional_data=bind)

    async def work(graph: GraphServiceClient) -> None:
        owner, second, third = [await made_user(graph) for _ in range(3)]
        group = await made_group(graph, "Unified")
        await graph.groups.by_group_id(group).owners.ref.post(
            ReferenceCreate(odata_id=f"{server.graph}/directoryObjects/{owner}")
        )
        assert some(await graph.groups.by_group_id(group).team.put(Team())).id == group
        team = graph.teams.by_team_id(group)
        results = some(await team.members.add.post(AddPostRequestBody(values=[member(second), member(third)])))
        assert [one.error for one in results.value or []] == [None, None]
        people = {
            str(one.user_id): one
            for one in some(await team.members.get()).value or []
            if isinstance(one, AadUserConversationMember)
        }
        assert {guid: one.roles for guid, one in people.items()} == {owner: ["owner"], second: [], third: []}
        one = team.members.by_conversation_member_id(str(people[second].id))
        changed = some(await one.patch(AadUserConversationMember(roles=["owner"])))
        assert changed.roles == ["owner"]
        await team.members.by_conversation_member_id(str(people[owner].id)).delete()
        with pytest.raises(ODataError, match="last owner"):
            await one.delete()
        assert {each.id for each in some(await graph.groups.by_group_id(group).members.get()).value or []} == {
            second,
            third,
        }
        await team.archive.post(ArchivePostRequestBody())
        assert some(await team.get()).is_archived is True
        await graph.groups.by_group_id(group).delete()
        with pytest.raises(ODataError):
            await team.get()

    run(server, work)


# --- what is asked of objects


def test_references_are_followed_far(server: MusterServer) -> None:
    async def work(graph: GraphServiceClient) -> None:
        outer, inner, guid, boss = (
            await made_group(graph),
            await made_group(graph),
            await made_user(graph),
            await made_user(graph),
        )
        for group, member in ((outer, inner), (inner, guid)):
            await graph.groups.by_group_id(group).members.ref.post(
                ReferenceCreate(odata_id=f"{server.graph}/directoryObjects/{member}")
            )
        one = graph.users.by_user_id(guid)
        await one.manager.ref.put(ReferenceUpdate(odata_id=f"{server.graph}/users/{boss}"))
        found = some(await one.get(request_configuration=selecting("id", expand="manager($select=id)")))
        assert some(found.manager).id == boss
        assert {each.id for each in some(await one.transitive_member_of.get()).value or []} == {inner, outer}
        counting: RequestConfiguration[CountRequestBuilder.CountRequestBuilderGetQueryParameters] = with_headers(
            ConsistencyLevel="eventual"
        )
        assert await graph.groups.by_group_id(outer).transitive_members.count.get(counting) == 2
        body = CheckMemberGroupsPostRequestBody(group_ids=[outer, boss])
        assert some(await one.check_member_groups.post(body)).value == [outer]
        ids = some(await graph.directory_objects.get_by_ids.post(GetByIdsPostRequestBody(ids=[guid, outer]))).value
        assert [type(each) for each in ids or []] == [User, Group]

    run(server, work)


def test_an_attribute_of_ones_own(server: MusterServer) -> None:
    async def work(graph: GraphServiceClient) -> None:
        application = graph.applications_with_app_id(server.application["client_id"])
        found = some(await application.get())
        properties = graph.applications.by_application_id(str(found.id)).extension_properties
        body = ExtensionProperty(name=fresh(), data_type="String", target_objects=["User"])
        name = str(some(await properties.post(body)).name)
        one = graph.users.by_user_id(await made_user(graph))
        await one.patch(User(additional_data={name: "blue"}))
        assert some(await one.get(request_configuration=selecting("id", name))).additional_data[name] == "blue"

    run(server, work)


def test_a_licence_is_given_and_taken(server: MusterServer) -> None:
    sku = uuid.UUID(server.muster("directory", "licence", "set", "OTHER", "1")["sku_id"])

    def body(add: bool) -> AssignLicensePostRequestBody:
        return AssignLicensePostRequestBody(
            add_licenses=[AssignedLicense(sku_id=sku)] if add else [], remove_licenses=[] if add else [sku]
        )

    async def work(graph: GraphServiceClient) -> None:
        one = graph.users.by_user_id(await made_user(graph, usage_location="CH"))
        other = graph.users.by_user_id(await made_user(graph, usage_location="CH"))
        await one.assign_license.post(body(True))
        assert [each.sku_part_number for each in some(await one.license_details.get()).value or []] == ["OTHER"]
        with pytest.raises(ODataError, match="does not have any available licenses"):
            await other.assign_license.post(body(True))
        await one.assign_license.post(body(False))
        await other.assign_license.post(body(True))
        found = some(await one.get(request_configuration=selecting("assignedLicenses")))
        assert found.assigned_licenses == []

    run(server, work)
