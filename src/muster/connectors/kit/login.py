"""What a system file says of who Muster is to an application."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from muster.connectors.kit.contract import Settings
from muster.model.secrets import Secret


class Auth(StrEnum):
    """How a request shows who sends it."""

    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"
    HEADER = "header"
    QUERY = "query"
    OAUTH2 = "oauth2"


class Grant(StrEnum):
    """How an OAuth 2 token is had (RFC 6749 sections 4.3, 4.4 and 6)."""

    CLIENT_CREDENTIALS = "client_credentials"
    PASSWORD = "password"  # noqa: S105 - the word of RFC 6749
    REFRESH_TOKEN = "refresh_token"  # noqa: S105


class Login(Settings):
    """Who Muster is to the application."""

    kind: Auth = Field(description="none, basic, bearer, header or query (an API key), or oauth2.")
    user: str | None = Field(None, description="basic, and oauth2 with grant password: the user name.")
    password: Secret | None = Field(None, description="The same: the password, as ${secret:NAME}.")
    token: Secret | None = Field(None, description="bearer: the token, as ${secret:NAME}.")
    name: str | None = Field(None, description="header, query: the name of the header or parameter, as X-Api-Key.")
    key: Secret | None = Field(None, description="header, query: the API key, as ${secret:NAME}.")
    grant: Grant = Field(Grant.CLIENT_CREDENTIALS, description="oauth2: how a token is had.")
    token_url: str | None = Field(None, description="oauth2: the address that gives tokens.")
    client_id: str | None = Field(None, description="oauth2: the client's id.")
    client_secret: Secret | None = Field(None, description="oauth2: the client's secret, as ${secret:NAME}.")
    client_in: str = Field(
        "header",
        pattern="^(header|body)$",
        description="oauth2: header: id and secret go as HTTP Basic (RFC 6749 section 2.3.1); body: in the form.",
    )
    refresh_token: Secret | None = Field(None, description="oauth2 with grant refresh_token: it, as ${secret:NAME}.")
    scope: str | None = Field(None, description="oauth2: the scopes to ask for, with spaces between.")

    @model_validator(mode="after")
    def _all_there(self) -> Login:
        needed = {
            Auth.BASIC: ["user", "password"],
            Auth.BEARER: ["token"],
            Auth.HEADER: ["name", "key"],
            Auth.QUERY: ["name", "key"],
            Auth.OAUTH2: ["token_url", "client_id"],
        }.get(self.kind, [])
        if self.kind is Auth.OAUTH2:
            needed += {
                Grant.CLIENT_CREDENTIALS: ["client_secret"],
                Grant.PASSWORD: ["user", "password"],
                Grant.REFRESH_TOKEN: ["refresh_token"],
            }[self.grant]
        lacking = [name for name in needed if getattr(self, name) is None]
        if lacking:
            raise ValueError(f"`kind: {self.kind}` needs {' and '.join(f'`{name}`' for name in lacking)}")
        return self
