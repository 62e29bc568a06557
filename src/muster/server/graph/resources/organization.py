"""/organization, /domains and /subscribedSkus."""

from __future__ import annotations

from typing import Any, Final

from muster.directory.errors import no_such
from muster.directory.licences import Sku, skus
from muster.directory.work import Work, instant
from muster.server.graph.call import Answer, Call, Route, context
from muster.server.graph.resources.rights import READ_ALL, READ_ORGANIZATION


def _organization(work: Work) -> dict[str, Any]:
    return {
        "id": work.tenant.id,
        "displayName": work.tenant.name,
        "createdDateTime": instant(work.tenant.created - work.tenant.created % 1_000_000),
        "tenantType": "AAD",
        "onPremisesSyncEnabled": None,
        "assignedPlans": [],
        "provisionedPlans": [],
        "businessPhones": [],
        "verifiedDomains": [
            {
                "name": name,
                "type": "Managed",
                "capabilities": "Email",
                "isDefault": number == 0,
                "isInitial": number == 0,
            }
            for number, name in enumerate(_domains(work))
        ],
    }


def _domains(work: Work) -> tuple[str, ...]:
    return work.tenant.domains or (work.tenant.domain,)


def _list(call: Call) -> Answer:
    return Answer(200, {"@odata.context": context(call, "organization"), "value": [_organization(call.work)]})


def _get(call: Call) -> Answer:
    if call.key.lower() != call.work.tenant.id:
        raise no_such(call.key)
    return Answer(200, {"@odata.context": context(call, "organization", entity=True), **_organization(call.work)})


def _domain_list(call: Call) -> Answer:
    values = [
        {
            "id": name,
            "authenticationType": "Managed",
            "isAdminManaged": True,
            "isDefault": number == 0,
            "isInitial": number == 0,
            "isRoot": True,
            "isVerified": True,
            "supportedServices": ["Email"],
        }
        for number, name in enumerate(_domains(call.work))
    ]
    return Answer(200, {"@odata.context": context(call, "domains"), "value": values})


def _sku(call: Call, one: Sku) -> dict[str, Any]:
    tenant = call.work.tenant
    return {
        "id": f"{tenant.id}_{one.id}",
        "accountId": tenant.id,
        "accountName": tenant.name,
        "appliesTo": "User",
        "capabilityStatus": "Enabled",
        "consumedUnits": one.used,
        "prepaidUnits": {"enabled": one.units, "suspended": 0, "warning": 0, "lockedOut": 0},
        "servicePlans": [
            {
                "servicePlanId": number,
                "servicePlanName": name,
                "provisioningStatus": "Success",
                "appliesTo": "User",
            }
            for number, name in one.plans.items()
        ],
        "skuId": one.id,
        "skuPartNumber": one.part,
        "subscriptionIds": [],
    }


def _sku_list(call: Call) -> Answer:
    values = [_sku(call, one) for one in skus(call.work)]
    return Answer(200, {"@odata.context": context(call, "subscribedSkus"), "value": values})


def _get_sku(call: Call) -> Answer:
    number = call.key.rpartition("_")[2].lower()
    found = next((one for one in skus(call.work) if one.id == number), None)
    if found is None:
        raise no_such(call.key)
    return Answer(200, {"@odata.context": context(call, "subscribedSkus", entity=True), **_sku(call, found)})


ROUTES: Final = (
    Route("GET", "organization", _list, READ_ORGANIZATION),
    Route("GET", "organization/{}", _get, READ_ORGANIZATION),
    Route("GET", "domains", _domain_list, READ_ALL),
    Route("GET", "subscribedSkus", _sku_list, READ_ORGANIZATION),
    Route("GET", "subscribedSkus/{}", _get_sku, READ_ORGANIZATION),
)
