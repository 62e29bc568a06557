"""Microsoft's SDK for Python and azure-identity, pointed at `muster serve` as for any cloud of one's own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from azure.identity import ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.user import User
from msgraph_core import GraphClientFactory

from tests.directory.support import PASSWORD
from tests.servers.muster import MusterServer

SCOPE = "https://graph.microsoft.com/.default"
T = TypeVar("T")


def credential(server: MusterServer, **more: Any) -> ClientSecretCredential:
    of = {**server.application, **more}
    return ClientSecretCredential(
        of["tenant"], of["client_id"], of["secret"], authority=server.authority, disable_instance_discovery=True
    )


def run(server: MusterServer, work: Callable[[GraphServiceClient], Awaitable[T]]) -> T:
    """Do something with a client of the SDK."""

    async def main() -> T:
        client = GraphClientFactory.create_with_default_middleware()
        try:
            with credential(server) as found:
                provider = AzureIdentityAuthenticationProvider(found, scopes=[SCOPE], allowed_hosts=["127.0.0.1"])
                adapter = GraphRequestAdapter(provider, client=client)
                adapter.base_url = server.graph
                return await work(GraphServiceClient(request_adapter=adapter))
        finally:
            await client.aclose()
            await client._transport.transport.aclose()  # the SDK does not, by itself

    return asyncio.run(main())


def some(value: T | None) -> T:
    """What the SDK says may be missing, and is not."""
    assert value is not None
    return value


def user(name: str, **more: Any) -> User:
    return User(
        account_enabled=True,
        display_name=name,
        mail_nickname=name,
        user_principal_name=f"{name}@acme.example",
        password_profile=PasswordProfile(password=PASSWORD),
        **more,
    )


def fresh() -> str:
    """A name that nobody has."""
    return f"n{uuid.uuid4().hex[:12]}"
