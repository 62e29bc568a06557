"""The embedded directory of a project, and what an administrator does in it by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from muster.directory.applications import (
    Application,
    add_application,
    add_secret,
    allow,
    applications,
    find_application,
    remove_application,
    remove_secret,
    secrets_of,
)
from muster.directory.directory import Directory, Settings
from muster.directory.licences import Sku, set_sku, skus
from muster.directory.pages import Query, count
from muster.directory.schema.kinds import SCHEMAS
from muster.directory.work import DAY, Work, instant
from muster.project.configuration import Project, Server


def open_directory(project: Project, now: datetime | None = None) -> Directory:
    """The directory beside the project's store, made when there is none; `now` sets its clock. Raises `StoreError`."""
    of = project.organisation
    clock = (lambda: now) if now is not None else None
    return Directory.open(project.store, project.folder, Settings(of.name, of.domains), clock)


def address_of(server: Server) -> str:
    """Where clients reach the server."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    return server.address or f"https://{host}:{server.port}"


def overview(directory: Directory, server: Server) -> dict[str, Any]:
    """The tenant, where it is, and how much it holds."""
    with directory.read() as work:
        held = {schema.collection: count(work, Query(schema)) for schema in SCHEMAS.values()}
        deleted = {
            schema.collection: count(work, Query(schema, deleted=True)) for schema in SCHEMAS.values() if schema.soft
        }
    tenant = directory.tenant
    return {
        "tenant": tenant.id,
        "name": tenant.name,
        "domains": list(tenant.domains),
        "database": directory.database.shown,
        **_reached(server),
        "objects": held,
        "deleted": deleted,
    }


def _reached(server: Server) -> dict[str, str]:
    address = address_of(server)
    return {"graph": f"{address}/v1.0", "authority": address}


# --- applications


def add_app(directory: Directory, server: Server, name: str, permissions: Sequence[str]) -> dict[str, Any]:
    """A new application with its first secret, told this once. Raises `Invalid`."""
    with directory.write() as work:
        application = add_application(work, name, permissions)
        return {**_secret(work, application), "permissions": list(application.permissions), **_reached(server)}


def add_app_secret(directory: Directory, server: Server, name: str) -> dict[str, Any]:
    """Another secret of an application, told this once; earlier ones stay good."""
    with directory.write() as work:
        return {**_secret(work, find_application(work, name)), **_reached(server)}


def _secret(work: Work, application: Application) -> dict[str, Any]:
    made, says = add_secret(work, application)
    return {
        "application": application.name,
        "client_id": application.id,
        "secret": says,
        "secret_id": made.id,
        "expires": instant(made.expires - made.expires % DAY),
        "tenant": work.tenant.id,
    }


def remove_app_secret(directory: Directory, name: str, number: str) -> dict[str, Any]:
    """A secret is worth nothing any more. Raises `NotFound`."""
    with directory.write() as work:
        remove_secret(work, find_application(work, name), number)
    return {"application": name, "removed": number}


def allow_app(directory: Directory, name: str, permissions: Sequence[str]) -> dict[str, Any]:
    """Set what an application may do. Raises `Invalid`, `NotFound`."""
    with directory.write() as work:
        allow(work, find_application(work, name), permissions)
        return _application(work, find_application(work, name))


def remove_app(directory: Directory, name: str) -> dict[str, Any]:
    """An application may do nothing any more. Raises `NotFound`."""
    with directory.write() as work:
        application = find_application(work, name)
        remove_application(work, application)
    return {"removed": application.name, "client_id": application.id}


def list_apps(directory: Directory) -> dict[str, Any]:
    """Every application, what it may do, and its secrets without what they say."""
    with directory.read() as work:
        return {"applications": [_application(work, one) for one in applications(work)]}


def _application(work: Work, one: Application) -> dict[str, Any]:
    return {
        "application": one.name,
        "client_id": one.id,
        "permissions": list(one.permissions),
        "secrets": [
            {"id": each.id, "begins": each.hint, "expires": instant(each.expires - each.expires % DAY)}
            for each in secrets_of(work, one)
        ],
    }


# --- licences


def set_licence(directory: Directory, part: str, units: int, plans: Sequence[str]) -> dict[str, Any]:
    """Say how many units of a product there are. Raises `Invalid`."""
    with directory.write() as work:
        return _sku(set_sku(work, part, units, plans))


def list_licences(directory: Directory) -> dict[str, Any]:
    """What the organisation has."""
    with directory.read() as work:
        return {"licences": [_sku(one) for one in skus(work)]}


def _sku(one: Sku) -> dict[str, Any]:
    return {
        "part": one.part,
        "sku_id": one.id,
        "units": one.units,
        "assigned": one.used,
        "plans": [{"id": number, "name": name} for number, name in one.plans.items()],
    }
