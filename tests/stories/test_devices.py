"""Computers that nobody uses any more: their devices are disabled, then deleted, and come back when they are used."""

from __future__ import annotations

from tests.stories.domain import ticks
from tests.stories.hybrid import Hybrid


def devices(hybrid: Hybrid) -> dict[str, bool]:
    """Each device, and whether it is enabled."""
    return {one["displayName"]: one["accountEnabled"] for one in hybrid.all("devices", "accountEnabled").values()}


def test_stale_devices_are_disabled_then_deleted_and_come_back(hybrid: Hybrid) -> None:
    used = hybrid.computer("Used", seen="2026-02-20")
    hybrid.computer("Idle", seen="2026-02-20")
    hybrid.computer("Never")
    hybrid.computer("Old", seen="2025-11-20")  # 102 days before the first run
    hybrid.computer("Ancient", seen="2025-10-01")
    hybrid.computer("Off", seen="2026-02-20", userAccountControl="4098")
    hybrid.run()
    assert devices(hybrid) == {"Used": True, "Idle": True, "Never": True, "Old": False, "Off": False}

    hybrid.ou.set(used, lastLogonTimestamp=ticks("2026-05-15"))
    hybrid.now = "2026-05-22T09:00:00Z"  # 91 days without Idle; nothing changed in the domain but Used
    hybrid.run()
    assert devices(hybrid) == {"Used": True, "Idle": False, "Never": True, "Off": False}

    hybrid.now = "2026-06-21T09:00:00Z"  # 121 days
    hybrid.run()
    assert devices(hybrid) == {"Used": True, "Never": True}

    hybrid.ou.set(f"CN=Idle,{hybrid.ou.dn}", lastLogonTimestamp=ticks("2026-06-22"))
    hybrid.now = "2026-06-22T09:00:00Z"
    hybrid.run()
    assert devices(hybrid) == {"Used": True, "Never": True, "Idle": True}


def test_a_device_that_is_used_in_the_cloud_only_is_not_stale(hybrid: Hybrid) -> None:
    hybrid.computer("Away", seen="2026-02-20")
    hybrid.run()
    (device,) = hybrid.graph.all("devices", "id")
    hybrid.graph("PATCH", f"/devices/{device['id']}", {"approximateLastSignInDateTime": "2026-05-20T00:00:00Z"})
    hybrid.now = "2026-05-22T09:00:00Z"
    assert hybrid("run").code == 0
    assert devices(hybrid) == {"Away": True}
