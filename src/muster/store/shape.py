"""Whether the tables of a database are those that the code knows: their columns, their keys, their indexes.

The revision alone does not say so: before the first release, the first migration was changed in place.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData

from muster.store.database import Session

_SQLITE: Final = """
SELECT m.name, c.name, c.pk > 0 FROM sqlite_master m JOIN pragma_table_info(m.name) c
WHERE m.type = 'table' AND m.name IN ?t
UNION ALL SELECT name, '', 0 FROM sqlite_master WHERE type = 'index' AND tbl_name IN ?t AND sql IS NOT NULL
"""
_POSTGRES: Final = """
WITH t AS (SELECT c.oid, c.relname FROM unnest(?::text[]) n JOIN pg_class c ON c.oid = to_regclass(n))
SELECT t.relname, a.attname, coalesce(a.attnum = ANY (k.indkey), false) FROM t
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index k ON k.indrelid = t.oid AND k.indisprimary
UNION ALL SELECT i.relname, '', false FROM pg_class i JOIN pg_index k ON k.indexrelid = i.oid
WHERE NOT k.indisprimary AND k.indrelid IN (SELECT to_regclass(n) FROM unnest(?::text[]) n)
"""


def differences(session: Session, metadata: MetaData) -> list[str]:
    """What is missing, then what nobody knows, in words; none where all is as it should be.

    Tables of others do not count, nor indexes that an administrator added.
    """
    names = sorted(metadata.tables)
    rows = session.rows(_POSTGRES if session.postgres else _SQLITE, names, names)
    found = {(name, column, bool(key)) for name, column, key in rows}
    wanted = {(table.name, one.name, one.primary_key) for table in metadata.tables.values() for one in table.columns}
    indexes = {str(index.name): table.name for table in metadata.tables.values() for index in table.indexes}
    wanted |= {(name, "", False) for name in indexes}
    if found == wanted:
        return []
    lost = set(names) - {name for name, column, _ in found if column}
    return [
        *(f"no table {name}" for name in sorted(lost)),
        *(f"no {_called(one)}" for one in sorted(wanted - found) if indexes.get(one[0], one[0]) not in lost),
        *(f"an unknown {_called(one)}" for one in sorted(found - wanted) if one[1]),
    ]


def _called(one: tuple[str, str, bool]) -> str:
    name, column, key = one
    return f"{'key ' if key else ''}column {name}.{column}" if column else f"index {name}"
