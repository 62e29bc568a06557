"""What the service says of itself (RFC 7644 section 4): its features, its resource types, its schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    Pagination,
    Patch,
    Schema,
    SchemaExtension,
    ServiceProviderConfig,
    Sort,
)
from scim2_models import (
    ResourceType as ResourceTypeModel,
)

from muster.server.scim.building import schemas_of
from muster.server.scim.errors import ScimError
from muster.server.scim.reading import LARGEST_PAGE, LIST, PAGE
from muster.server.scim.resource_type import ResourceType

BULK_OPERATIONS: Final = 1_000
Documents = dict[str, Any]
_NAMES: Final = {"enterprise:2.0:User": "Enterprise User"}


def provider_config(base: str, types: Mapping[str, ResourceType], largest: int) -> Documents:
    """/ServiceProviderConfig."""
    model = ServiceProviderConfig(
        documentation_uri=None,
        patch=Patch(supported=True),
        bulk=Bulk(supported=True, max_operations=BULK_OPERATIONS, max_payload_size=largest),
        filter=Filter(supported=True, max_results=LARGEST_PAGE),
        change_password=ChangePassword(supported=any(one.password for one in types.values())),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=True,
            index=True,
            default_pagination_method="index",
            default_page_size=PAGE,
            max_page_size=LARGEST_PAGE,
        ),
        authentication_schemes=[
            AuthenticationScheme(
                type="oauthbearertoken",
                name="Token",
                description="A bearer token, made with `muster gateway token add`.",
                primary=True,
            )
        ],
    )
    return {**model.model_dump(), "meta": _meta(base, "ServiceProviderConfig", "ServiceProviderConfig")}


def resource_types(base: str, types: Mapping[str, ResourceType]) -> list[Documents]:
    """/ResourceTypes."""
    return [
        {
            **ResourceTypeModel(
                id=one.name,
                name=one.name,
                endpoint=f"/{one.endpoint}",
                schema_=one.schema,
                schema_extensions=[SchemaExtension(schema_=urn, required=False) for urn in one.extensions] or None,
            ).model_dump(),
            "meta": _meta(base, "ResourceType", f"ResourceTypes/{one.name}"),
        }
        for one in types.values()
    ]


def schemas(base: str, types: Mapping[str, ResourceType]) -> list[Documents]:
    """/Schemas, derived from what the system can hold."""
    found: list[Documents] = []
    for urn, attributes in schemas_of(types).items():
        name = next((one.name for one in types.values() if one.schema == urn), _name(urn))
        made = Schema.model_validate(
            {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
                "id": urn,
                "name": name,
                "description": name,
                "attributes": [one.document() for one in attributes.values()],
            }
        )
        found.append({**made.model_dump(), "meta": _meta(base, "Schema", f"Schemas/{urn}")})
    return found


def listed(documents: list[Documents]) -> Documents:
    """Some of them as one answer."""
    return {
        "schemas": [LIST],
        "totalResults": len(documents),
        "itemsPerPage": len(documents),
        "startIndex": 1,
        "Resources": documents,
    }


def one_of(documents: list[Documents], number: str) -> Documents:
    """The one with this id. Raises `ScimError`."""
    for one in documents:
        if str(one["id"]).lower() == number.lower():
            return one
    raise ScimError(404, f"There is no {number[:200]!r} here.")


def _name(urn: str) -> str:
    return next((name for end, name in _NAMES.items() if urn.endswith(end)), urn.rpartition(":")[2])


def _meta(base: str, kind: str, path: str) -> Documents:
    return {"resourceType": kind, "location": f"{base}/{path}"}
