"""Microsoft's own SDK, unchanged: groups, devices, teams, guests, passes, licences."""

from __future__ import annotations

import uuid

import pytest
from msgraph import GraphServiceClient
from msgraph.generated.models.aad_user_conversation_member import AadUserConversationMember
from msgraph.generated.models.assigned_license import AssignedLicense
from msgraph.generated.models.device import Device
from msgraph.generated.models.group import Group
from msgraph.generated.models.invitation import Invitation
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.team import Team
from msgraph.generated.models.temporary_access_pass_authentication_method import (
    TemporaryAccessPassAuthenticationMethod,
)
from msgraph.generated.models.user import User
from msgraph.generated.users.item.assign_license.assign_license_post_request_body import AssignLicensePostRequestBody

from tests.server.sdk import fresh, run, some, user
from tests.servers.muster import MusterServer

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
"""azure-identity leaves its connections to the garbage collector."""


def test_a_group_with_members_and_owners(server: MusterServer) -> None:
    name = fresh()

    async def work(graph: GraphServiceClient) -> None:
        people = [await graph.users.post(user(f"{name}{number}")) for number in range(4)]
        ids = [str(one.id) for one in people if one]
        body = Group(
            display_name=name,
            mail_enabled=False,
            mail_nickname=name,
            security_enabled=True,
            additional_data={
                "members@odata.bind": [f"{server.graph}/directoryObjects/{ids[0]}"],
                "owners@odata.bind": [f"{server.graph}/users/{ids[3]}"],
            },
        )
        made = await graph.groups.post(body)
        assert made is not None
        group = graph.groups.by_group_id(str(made.id))
        await group.members.ref.post(ReferenceCreate(odata_id=f"{server.graph}/directoryObjects/{ids[1]}"))
        await group.patch(Group(additional_data={"members@odata.bind": [f"{server.graph}/directoryObjects/{ids[2]}"]}))
        await group.members.by_directory_object_id(ids[0]).ref.delete()
        members = await group.members.get()
        assert members is not None
        assert [type(one) for one in members.value or []] == [User, User]
        assert [one.id for one in members.value or []] == ids[1:3]
        users = await group.members.graph_user.get()
        assert users is not None
        assert [one.user_principal_name for one in users.value or []] == [f"{name}{n}@acme.example" for n in (1, 2)]
        owners = await group.owners.get()
        assert owners is not None
        assert [one.id for one in owners.value or []] == ids[3:]
        groups = await graph.users.by_user_id(ids[1]).member_of.get()
        assert groups is not None
        assert [one.id for one in groups.value or []] == [made.id]
        with pytest.raises(ODataError, match="already exist"):
            await group.members.ref.post(ReferenceCreate(odata_id=f"{server.graph}/directoryObjects/{ids[1]}"))
        delta = await graph.groups.delta.get()
        assert delta is not None
        told = next(one for one in delta.value or [] if one.id == made.id)
        assert [str(one["id"]) for one in told.additional_data["members@delta"]] == ids[1:3]

    run(server, work)


def test_a_device_with_its_owner(server: MusterServer) -> None:
    async def work(graph: GraphServiceClient) -> None:
        owner = await graph.users.post(user(fresh()))
        assert owner is not None
        number = str(uuid.uuid4())
        made = await graph.devices.post(
            Device(
                account_enabled=True,
                display_name="laptop",
                device_id=number,
                operating_system="Linux",
                operating_system_version="6.1",
                additional_data={"alternativeSecurityIds": [{"type": 2, "key": "QUJD"}]},
            )
        )
        assert made is not None
        device = graph.devices.by_device_id(str(made.id))
        await device.registered_owners.ref.post(ReferenceCreate(odata_id=f"{server.graph}/users/{owner.id}"))
        owners = await device.registered_owners.get()
        assert owners is not None
        assert [one.id for one in owners.value or []] == [owner.id]
        found = await graph.devices_with_device_id(number).get()
        assert found is not None
        assert found.id == made.id
        await device.delete()
        with pytest.raises(ODataError):
            await device.get()

    run(server, work)


def test_a_team_and_its_members(server: MusterServer) -> None:
    name = fresh()

    async def work(graph: GraphServiceClient) -> None:
        owner, other = await graph.users.post(user(f"{name}a")), await graph.users.post(user(f"{name}b"))
        assert owner is not None
        assert other is not None
        await graph.teams.post(
            Team(
                display_name=name,
                members=[
                    AadUserConversationMember(
                        roles=["owner"], additional_data={"user@odata.bind": f"{server.graph}/users('{owner.id}')"}
                    )
                ],
                additional_data={"template@odata.bind": f"{server.graph}/teamsTemplates('standard')"},
            )
        )
        joined = await graph.users.by_user_id(str(owner.id)).joined_teams.get()
        assert joined is not None
        assert joined.value is not None
        assert [one.display_name for one in joined.value] == [name]
        team = graph.teams.by_team_id(str(joined.value[0].id))
        added = await team.members.post(
            AadUserConversationMember(
                roles=[], additional_data={"user@odata.bind": f"{server.graph}/users('{other.id}')"}
            )
        )
        assert isinstance(added, AadUserConversationMember)
        members = await team.members.get()
        assert members is not None
        assert [(one.display_name, one.roles) for one in members.value or []] == [
            (f"{name}a", ["owner"]),
            (f"{name}b", []),
        ]
        await team.members.by_conversation_member_id(str(added.id)).delete()
        found = await team.get()
        assert found is not None
        assert found.is_archived is False

    run(server, work)


# --- guests, passes, licences, the organisation


def test_a_guest_a_pass_and_the_organisation(server: MusterServer) -> None:
    name = fresh()

    async def work(graph: GraphServiceClient) -> None:
        invited = await graph.invitations.post(
            Invitation(invited_user_email_address=f"{name}@else.example", invite_redirect_url="https://acme.example")
        )
        assert invited is not None
        assert invited.invited_user is not None
        assert str(invited.invite_redeem_url).startswith(f"{server.authority}/redeem?ticket=")
        ada = await graph.users.post(user(name))
        assert ada is not None
        methods = graph.users.by_user_id(str(ada.id)).authentication.temporary_access_pass_methods
        made = await methods.post(TemporaryAccessPassAuthenticationMethod(lifetime_in_minutes=60, is_usable_once=True))
        assert made is not None
        assert made.temporary_access_pass
        listed = await methods.get()
        assert listed is not None
        assert [(one.id, one.temporary_access_pass) for one in listed.value or []] == [(made.id, None)]
        organisations = await graph.organization.get()
        assert organisations is not None
        assert [one.id for one in organisations.value or []] == [server.application["tenant"]]
        assert await graph.subscribed_skus.get() is not None

    run(server, work)


def test_licences_are_assigned(server: MusterServer) -> None:
    sku = server.muster("directory", "licence", "set", "SUITE", "5")["sku_id"]

    async def work(graph: GraphServiceClient) -> None:
        ada = some(await graph.users.post(user(fresh(), usage_location="CH")))
        body = AssignLicensePostRequestBody(add_licenses=[AssignedLicense(sku_id=uuid.UUID(sku))], remove_licenses=[])
        await graph.users.by_user_id(str(ada.id)).assign_license.post(body)
        skus = some(some(await graph.subscribed_skus.get()).value)
        assert (skus[0].sku_part_number, skus[0].consumed_units) == ("SUITE", 1)

    run(server, work)
