"""What a system file says of an application with a SOAP service."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, model_validator

from muster.connectors.kit.contract import Settings
from muster.connectors.rest.requests import Changes, ListRequest, Paging, Request
from muster.connectors.rest.settings import (
    DeclaredObject,
    Members,
    Nulls,
    RestObject,
    Rule,
    Sends,
)
from muster.model.secrets import Secret

_NAME = r"^[A-Za-z_][\w.-]*$"


class Security(StrEnum):
    """How a message shows who sends it."""

    NONE = "none"
    BASIC = "basic"
    USERNAME_TOKEN = "username_token"  # noqa: S105 - the name of a profile


class SoapLogin(Settings):
    """Who Muster is to the application."""

    kind: Security = Field(description="none, basic (HTTP), or username_token (WS-Security UsernameToken 1.1).")
    user: str | None = Field(None, description="The user name.")
    password: Secret | None = Field(None, description="The password, as ${secret:NAME}.")
    digest: bool = Field(False, description="username_token: send a digest with nonce and time, not the password.")

    @model_validator(mode="after")
    def _all_there(self) -> SoapLogin:
        if self.kind is not Security.NONE and (self.user is None or self.password is None):
            raise ValueError(f"`kind: {self.kind}` needs `user` and `password`")
        return self


class SoapSettings(Settings):
    """The service, and who Muster is to it."""

    tuning: ClassVar = frozenset({"timeout", "whole", "largest", "rate", "errors"})

    wsdl: str = Field(description="The WSDL: https://host/service?wsdl, or a file relative to the project folder.")
    hosts: list[str] = Field(
        default_factory=list,
        description="More hosts, beside that of the WSDL, from which it may import and at which the service may be.",
    )
    service: str | None = Field(None, description="The service's name in the WSDL; default: the first.")
    port: str | None = Field(None, description="The port's name; default: the first of the service.")
    address: str | None = Field(None, description="The address of the service; default: that of the WSDL.")
    login: SoapLogin | None = Field(None, description="Who Muster is to the application; without it, nobody.")
    ca: Path | None = Field(None, description="PEM file of the authorities to trust; default: those of the machine.")
    timeout: float = Field(30.0, gt=0, description="Seconds without a byte after which the application counts as gone.")
    whole: float = Field(120.0, gt=0, description="Seconds within which one answer must be there to its end.")
    largest: int = Field(67_108_864, ge=1024, description="Bytes of one answer, unpacked; more is not read.")
    rate: float | None = Field(None, gt=0, description="Requests a second, at most.")
    errors: list[Rule] = Field(
        default_factory=list,
        description="What answers and faults mean, the first that fits; the usual meanings come after. A fault is "
        "fault.code, fault.message, fault.actor and fault.detail.",
    )


class SoapRequest(Settings):
    """One operation. In a file a plain text is its name, with the record as its parameters."""

    operation: str = Field(pattern=_NAME, description="The operation's name in the WSDL.")
    request: Any = Field(None, description="Its parameters by name; {*} is the record of all values to be written.")
    record: str = Field("@", description="Where the object is in the answer (JMESPath or JSONPath).")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        return {"operation": given} if isinstance(given, str) else given

    def declared(self) -> Request:
        """The same as the machinery of declared requests knows it."""
        return Request(request=f"POST /{self.operation}", body=self.request, record=self.record)


class SoapList(SoapRequest):
    """An operation whose answer is a list, perhaps in pages."""

    items: str = Field("@", description="Where the list is in the answer, as Worker or Response_Data.Worker.")
    paging: Paging | None = Field(
        None, description="How further pages are read; a parameter may be a path, as Page.No."
    )
    changes: Changes | None = Field(None, description="read: how only what changed is listed.")

    def declared(self) -> ListRequest:
        """The same as the machinery of declared requests knows it."""
        return ListRequest(
            request=f"POST /{self.operation}",
            body=self.request if self.request is not None else {},
            record=self.record,
            items=self.items,
            paging=self.paging,
            changes=self.changes,
        )


class SoapMembers(Settings):
    """A large list of references, such as the members of a group, that has operations of its own."""

    read: SoapList | None = Field(None, description="Lists the values of one object; default: they are in it.")
    value: str = Field("id", description="Where the value is in each thing that `read` lists; @: it is the thing.")
    add: SoapRequest | None = Field(None, description="Adds {value}, or some {values} at once.")
    remove: SoapRequest | None = Field(None, description="Removes {value}, or some {values} at once.")
    size: int = Field(100, ge=1, le=10_000, description="So many {values} in one request.")

    def declared(self) -> Members:
        """The same as the machinery of declared requests knows it."""
        return Members(
            read=self.read.declared() if self.read else None,
            value=self.value,
            add=self.add.declared() if self.add else None,
            remove=self.remove.declared() if self.remove else None,
            size=self.size,
        )


class SoapObject(DeclaredObject):
    """One object type: its attributes, and an operation for each thing that can be done."""

    read: SoapList = Field(description="Lists all objects.")
    get: SoapRequest | None = Field(None, description="Gives one object; without it, the list is read.")
    find: dict[str, SoapList] = Field(
        default_factory=dict, description="For some attributes, the operation that lists the objects with {value}."
    )
    create: SoapRequest | None = Field(None, description="Creates an object.")
    update: SoapRequest | None = Field(None, description="Changes an object.")
    delete: SoapRequest | None = Field(None, description="Deletes an object.")
    enable: SoapRequest | None = Field(None, description="Switches an account on, where that is an operation.")
    disable: SoapRequest | None = Field(None, description="Switches an account off.")
    password: SoapRequest | None = Field(None, description="Sets {password}.")
    members: dict[str, SoapMembers] = Field(
        default_factory=dict, description="Large lists of references, by attribute."
    )
    sends: Sends = Field(
        Sends.CHANGED, description="changed: an update sends what changed; whole: the record as read, with it."
    )
    nulls: Nulls = Field(
        Nulls.NULL, description="How an update clears a value: null (xsi:nil), empty text, or without its element."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> SoapObject:
        self.declared()
        return self

    def declared(self) -> RestObject:
        """The same as the machinery of declared requests knows it. Raises `ValueError` where it does not fit."""
        given: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("anchor", "assigned", "name", "attributes", "enabled", "unique", "sends", "nulls")
        }
        for name in ("read", "get", "create", "update", "delete", "enable", "disable", "password"):
            one = getattr(self, name)
            given[name] = one.declared() if one is not None else None
        given["find"] = {name: one.declared() for name, one in self.find.items()}
        given["members"] = {name: one.declared() for name, one in self.members.items()}
        return RestObject(**given)
