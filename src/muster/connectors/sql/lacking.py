"""What to say of a table or a column that the settings name and the database does not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from sqlalchemy.engine import Inspector

from muster.model.errors import IncompleteRead

_SHOWN: Final = 30
_OF_THE_SERVER: Final = ("information_schema", "performance_schema", "mysql", "sys")


def no_table(inspector: Inspector, system: str, schema: str | None, name: str) -> IncompleteRead:
    """The error that names the tables there are, or where there is one of that name, or why there is none."""
    table = f"{schema}.{name}" if schema else name
    return IncompleteRead(f"{system}: there is no table or view {table!r}. {_advice(inspector, schema, name)}")


def no_column(system: str, table: str, name: str, known: Iterable[str]) -> IncompleteRead:
    """The error that names the nearest column, or those there are."""
    return IncompleteRead(
        f"{system}: {table} has no column {name!r}. {_nearest(name, known)} Correct systems/{system}.yaml or the "
        "mapping that names it, or add the column."
    )


def no_parameter(system: str, what: str, table: str, name: str, known: Iterable[str]) -> IncompleteRead:
    """The error for a parameter of a statement of the settings' own that no column gives a value."""
    return IncompleteRead(
        f"{system}: a statement of {what} has the parameter :{name}, and {table} has no such column. "
        f"{_nearest(name, known)} Correct systems/{system}.yaml; a colon that is none of a parameter is written \\:."
    )


def _advice(inspector: Inspector, schema: str | None, name: str) -> str:
    schemas = [one for one in inspector.get_schema_names() if one not in _OF_THE_SERVER]
    others = [other for other in schemas if other != schema and inspector.has_table(name, other)]
    if others:
        return f"There is {' and '.join(f'{other}.{name}' for other in others)}: correct `table`."
    if schema is not None and schema not in schemas:
        return f"There is no schema {schema!r}. {_nearest(schema, schemas)} Correct `table`."
    known = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    if known:
        return f"{_nearest(name, known)} Correct `table`."
    where = "The database" if schema is None else f"Schema {schema!r}"
    return f"{where} has no table that the user may see. Create it, or correct `url` or `table`."


def _nearest(name: str, known: Iterable[str]) -> str:
    listed = sorted(known)
    near = difflib.get_close_matches(name, listed, 1)
    if near:
        return f"Did you mean {near[0]!r}?"
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return f"Known: {', '.join(listed[:_SHOWN])}{more}."
