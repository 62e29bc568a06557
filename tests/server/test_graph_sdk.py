"""Microsoft's own SDK for Python and azure-identity, unchanged, against `muster serve`: sign-in, users, changes."""

from __future__ import annotations

import asyncio
import datetime
import uuid
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.reference_update import ReferenceUpdate
from msgraph.generated.models.user import User
from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph_core.requests.batch_request_builder import BatchRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem
from msgraph_core.tasks.page_iterator import PageIterator

from tests.server.conftest import trust
from tests.server.sdk import SCOPE, credential, fresh, run, user
from tests.servers.muster import MusterServer

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
"""azure-identity leaves its connections to the garbage collector."""

# --- azure-identity


def test_azure_identity_gets_a_token(server: MusterServer) -> None:
    with credential(server) as found:
        token = found.get_token(SCOPE)
    assert token.token.count(".") == 2

    async def later() -> str:
        of = server.application
        async with AsyncClientSecretCredential(
            of["tenant"], of["client_id"], of["secret"], authority=server.authority, disable_instance_discovery=True
        ) as found:
            return str((await found.get_token(SCOPE)).token)

    assert asyncio.run(later()).count(".") == 2


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"secret": "wrong"}, "AADSTS7000215"),
        ({"client_id": str(uuid.uuid4())}, "AADSTS700016"),
        ({"tenant": str(uuid.uuid4())}, "AADSTS90002|tenant"),
    ],
)
def test_azure_identity_understands_why_it_gets_none(server: MusterServer, wrong: dict[str, str], words: str) -> None:
    with credential(server, **wrong) as found, pytest.raises((ClientAuthenticationError, ValueError), match=words):
        found.get_token(SCOPE)


# --- users


def test_a_user_from_creation_to_deletion_and_back(server: MusterServer) -> None:
    name = fresh()

    async def work(graph: GraphServiceClient) -> None:
        made = await graph.users.post(user(name, department="Engines", employee_id="42"))
        assert made is not None
        assert made.id is not None
        one = graph.users.by_user_id(made.id)
        options = RequestConfiguration(
            query_parameters=UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(
                select=["id", "department", "createdDateTime"]
            )
        )
        found = await one.get(request_configuration=options)
        assert found is not None
        assert (found.id, found.department) == (made.id, "Engines")
        assert isinstance(found.created_date_time, datetime.datetime)
        await one.patch(User(department="Steam", business_phones=["+41 31 000 00 00"]))
        by_name = await graph.users.by_user_id(f"{name}@acme.example").get()
        assert by_name is not None
        assert by_name.business_phones == ["+41 31 000 00 00"]
        await one.revoke_sign_in_sessions.post()
        await one.delete()
        with pytest.raises(ODataError) as caught:
            await one.get()
        assert caught.value.error is not None
        assert caught.value.error.code == "Request_ResourceNotFound"
        assert caught.value.response_status_code == 404
        deleted = await graph.directory.deleted_items.graph_user.get()
        assert deleted is not None
        assert made.id in [each.id for each in deleted.value or []]
        await graph.directory.deleted_items.by_directory_object_id(made.id).restore.post()
        assert await one.get() is not None

    run(server, work)


def test_a_conflict_is_told_with_its_property(server: MusterServer) -> None:
    name = fresh()

    async def work(graph: GraphServiceClient) -> None:
        await graph.users.post(user(name))
        with pytest.raises(ODataError) as caught:
            await graph.users.post(user(name))
        error = caught.value.error
        assert error is not None
        assert error.code == "Request_BadRequest"
        assert "userPrincipalName" in str(error.message)
        assert [one.code for one in error.details or []] == ["ObjectConflict"]
        assert error.inner_error is not None
        assert error.inner_error.request_id

    run(server, work)


def test_pages_filters_counts_and_searches(server: MusterServer) -> None:
    mark = fresh()

    async def work(graph: GraphServiceClient) -> None:
        for number in range(5):
            await graph.users.post(user(f"{mark}{number}", department=mark))
        parameters = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters
        configuration = RequestConfiguration(
            query_parameters=parameters(filter=f"department eq '{mark}'", top=2, select=["id", "displayName"])
        )
        first = await graph.users.get(request_configuration=configuration)
        assert first is not None
        assert first.odata_next_link is not None
        names: list[str] = []

        def take(one: User) -> bool:
            names.append(one.display_name)
            return True

        await PageIterator(first, graph.request_adapter).iterate(take)
        assert names == [f"{mark}{number}" for number in range(5)]

        advanced = RequestConfiguration(
            query_parameters=parameters(search=f'"displayName:{mark}3"', orderby=["displayName desc"], count=True)
        )
        advanced.headers.add("ConsistencyLevel", "eventual")
        found = await graph.users.get(request_configuration=advanced)
        assert found is not None
        assert found.odata_count == 1
        assert [one.display_name for one in found.value or []] == [f"{mark}3"]

        counting: Any = RequestConfiguration()
        counting.headers.add("ConsistencyLevel", "eventual")
        assert (await graph.users.count.get(request_configuration=counting) or 0) >= 5

        with pytest.raises(ODataError, match="Syntax error"):
            await graph.users.get(
                request_configuration=RequestConfiguration(query_parameters=parameters(filter="a b c"))
            )

    run(server, work)


def test_changes_are_followed_with_delta_links(server: MusterServer) -> None:
    name = fresh()

    async def work(graph: GraphServiceClient) -> None:
        page = await graph.users.delta.get()
        while page is not None and page.odata_next_link:
            page = await graph.users.delta.with_url(page.odata_next_link).get()
        assert page is not None
        assert page.odata_delta_link is not None
        made = await graph.users.post(user(name))
        assert made is not None
        page = await graph.users.delta.with_url(page.odata_delta_link).get()
        assert page is not None
        assert [one.id for one in page.value or []] == [made.id]
        await graph.users.by_user_id(str(made.id)).delete()
        page = await graph.users.delta.with_url(str(page.odata_delta_link)).get()
        assert page is not None
        assert page.value is not None
        assert page.value[0].additional_data == {"@removed": {"reason": "changed"}}

    run(server, work)


def test_a_manager_and_reports(server: MusterServer) -> None:
    async def work(graph: GraphServiceClient) -> None:
        ada, grace = await graph.users.post(user(fresh())), await graph.users.post(user(fresh()))
        assert ada is not None
        assert grace is not None
        address = f"{server.graph}/users/{grace.id}"
        one = graph.users.by_user_id(str(ada.id))
        await one.manager.ref.put(ReferenceUpdate(odata_id=address))
        manager = await one.manager.get()
        assert isinstance(manager, User)
        assert manager.id == grace.id
        reports = await graph.users.by_user_id(str(grace.id)).direct_reports.get()
        assert reports is not None
        assert [each.id for each in reports.value or []] == [ada.id]
        await one.manager.ref.delete()
        with pytest.raises(ODataError):
            await one.manager.get()

    run(server, work)


# --- batches and throttling


def test_a_batch(server: MusterServer) -> None:
    name = fresh()

    async def work(graph: GraphServiceClient) -> None:
        await graph.users.post(user(name))
        content = BatchRequestContent()
        for url in (f"/users/{name}@acme.example", "/users/nobody"):
            request = graph.users.to_get_request_information()
            request.url = f"{server.graph}{url}"
            content.add_request(None, BatchRequestItem(request))
        answers = await BatchRequestBuilder(graph.request_adapter).post(content)
        assert answers is not None
        assert sorted(one.status for one in answers.responses.values()) == [200, 404]

    run(server, work)


def test_the_sdk_waits_when_it_is_told_to(server: MusterServer, monkeypatch: pytest.MonkeyPatch) -> None:
    del server
    with MusterServer(rate=3) as slow:
        trust(slow, monkeypatch)

        async def work(graph: GraphServiceClient) -> None:
            for _ in range(5):
                assert await graph.users.get() is not None

        run(slow, work)
        with slow.authorized() as client:
            statuses = [client.get("/v1.0/users") for _ in range(8)]
        refused = [one for one in statuses if one.status_code == 429]
        assert refused
        assert all(int(one.headers["Retry-After"]) >= 1 for one in refused)
