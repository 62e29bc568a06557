"""How a store of an older Muster becomes one of today: Alembic's scripts, run by `upgrading.upgrade`.

`VERSION` stands here, so that opening a store that needs nothing loads no part of Alembic.
"""

from typing import Final

VERSION: Final = "0001"
"""The newest revision in `versions`: four digits, counted up."""

VERSION_TABLE: Final = "store_version"
