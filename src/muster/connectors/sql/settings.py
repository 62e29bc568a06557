"""What a system file says of a SQL database."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from muster.connectors.kit.contract import Settings
from muster.connectors.kit.switch import Switch
from muster.model.secrets import Secret
from muster.model.values import Scalar


class SqlSettings(Settings):
    """The database."""

    tuning: ClassVar = frozenset({"connect_timeout", "transaction"})

    url: str | Secret = Field(
        description="Its SQLAlchemy URL: sqlite:///data/app.db (relative to the project folder), "
        "postgresql://user@host/database, mariadb://user@host/database."
    )
    password: Secret | None = Field(None, description="The password, where the URL does not hold it.")
    transaction: Literal["batch", "object"] = Field(
        "batch",
        description="What is committed together: up to 1,000 changes, or each change by itself, which is slower.",
    )
    connect_timeout: int = Field(10, ge=1, description="Seconds within which the server must answer.")


class ChangeTable(Settings):
    """A table to which triggers add a row for each change."""

    table: str = Field(description="The change table; with a schema as schema.table.")
    sequence: str = Field(description="Its column that grows with every change.")
    key: str = Field(description="Its column that holds the anchor of the object that changed or went.")


class ListChanges(ChangeTable):
    """A table to which triggers add a row for each value of a list that comes or goes."""

    value: str | None = Field(None, description="Its column that holds that value; needed where the list is `large`.")


class ListTable(Settings):
    """A side table that holds the values of one many-valued attribute, one a row."""

    table: str = Field(description="The side table; with a schema as schema.table.")
    owner: str = Field(description="Its column that holds the anchor of the object.")
    value: str = Field(description="Its column that holds the value.")
    fixed: dict[str, Scalar] = Field(
        default_factory=dict,
        description="Columns that are the same for all values of this attribute (kind: phone): only such rows are "
        "read and removed, and rows are added so.",
    )
    large: bool = Field(False, description="Whether the values are streamed as edges, as members of groups are.")
    reference: bool = Field(False, description="Whether the values name other objects.")
    changes: ListChanges | None = Field(
        None, description="A table that tells which owner's values changed, and which values of a `large` list."
    )
    insert: str | None = Field(
        None, description="A statement or procedure call of your own that adds one value, with :column parameters."
    )
    delete: str | None = Field(None, description="The same to remove one value.")

    @model_validator(mode="after")
    def _large_ones_by_value(self) -> ListTable:
        if self.large and self.changes is not None and self.changes.value is None:
            raise ValueError("`changes` of a `large` list needs `value`: its column that holds the value that changed")
        return self

    @model_validator(mode="after")
    def _columns_apart(self) -> ListTable:
        names = [self.owner, self.value, *self.fixed]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"`owner`, `value` and `fixed` name different columns, and {twice} is named twice")
        return self


class Deleted(Settings):
    """How a row says that it is deleted and stays. In a file a plain text names a column of true and false, or of a
    time."""

    column: str = Field(description="The column that a delete writes; rows that it marks are not read.")
    value: Scalar | list[Scalar] | None = Field(
        None,
        description="The value, or values, that mean deleted; the first is written. By default true in a column of "
        "true and false, and any time in a column of a time: now is written.",
    )
    alive: Scalar | None = Field(
        None, description="What it holds in other rows. By default false in a column of true and false, else NULL."
    )
    returns_by: str | None = Field(
        None,
        description="The column by whose value a deleted row is known for an object that is to be made (a number that "
        "nobody else ever gets): that row comes back instead. By default none comes back.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    @property
    def marks(self) -> list[Scalar]:
        """The values that mean deleted, as far as the settings name them."""
        return _listed(self.value)

    @model_validator(mode="after")
    def _alive_is_no_mark(self) -> Deleted:
        if self.alive is not None and self.alive in self.marks:
            raise ValueError(f"{self.alive!r} cannot mean both deleted and alive")
        return self


class SqlObject(Settings):
    """One object type: a table or a view."""

    table: str = Field(description="The table or view; with a schema as schema.table.")
    anchor: str = Field(description="The column that names an object for ever, or a generated key.")
    enabled: Switch | None = Field(None, description="The column that says whether an account is switched on.")
    deleted: Deleted | None = Field(
        None, description="The column that marks a row as deleted: a delete writes it, and the row stays."
    )
    where: str | None = Field(None, description="A SQL condition: only rows that fulfil it are objects of this type.")
    watermark: str | None = Field(
        None,
        description="A column that grows with every change of a row. Rows that are gone are then found by full reads "
        "only; those that `deleted` marks are told.",
    )
    changes: ChangeTable | None = Field(None, description="A change table, which tells deletions too.")
    overlap: int = Field(
        600,
        ge=1,
        description="Seconds that a transaction of the application may take: so long, what is below the newest change "
        "is looked at again, for what was written before it and committed after.",
    )
    key_generated: bool | None = Field(
        None, description="Whether the database makes the anchor; by default what the table itself says."
    )
    lists: dict[str, ListTable] = Field(
        default_factory=dict, description="Many-valued attributes that are kept in side tables."
    )
    insert: str | None = Field(
        None, description="A statement or procedure call of your own for a create, with :column parameters."
    )
    update: str | None = Field(None, description="The same for an update; columns that do not change keep their value.")
    delete: str | None = Field(None, description="The same for a delete.")

    @model_validator(mode="after")
    def _lists_apart(self) -> SqlObject:
        known: dict[str, str] = {}
        for name, one in self.lists.items():
            rows = f"{one.table} {one.owner} {one.value} {sorted(one.fixed.items())}"
            if rows in known:
                raise ValueError(
                    f"{known[rows]} and {name} are the same rows of {one.table}: "
                    "give each its own column, or tell them apart with `fixed`"
                )
            known[rows] = name
        return self

    @model_validator(mode="after")
    def _deleted_apart(self) -> SqlObject:
        gone, switch = self.deleted, self.enabled
        if gone is None:
            return self
        if gone.column == self.anchor:
            raise ValueError(f"`deleted` names the anchor {self.anchor}; give the rows a column of their own for it")
        if switch is not None and switch.column == gone.column:
            known = [*_listed(switch.on), *_listed(switch.off)]
            if not gone.marks or not known or any(mark in known for mark in gone.marks):
                raise ValueError(
                    f"`enabled` and `deleted` share the column {gone.column}: "
                    "say which values mean on, off and deleted, each another"
                )
        return self

    @model_validator(mode="after")
    def _one_delta(self) -> SqlObject:
        if self.watermark and self.changes:
            raise ValueError("give `watermark` or `changes`, not both")
        tells = self.watermark or self.changes
        if not tells and "overlap" in self.model_fields_set:
            raise ValueError("`overlap` says how changes are looked for: it needs `watermark` or `changes`")
        lone = next((name for name, one in self.lists.items() if one.changes and not tells), None)
        if lone is not None:
            raise ValueError(
                f"{lone} has `changes`, and what changes in {self.table} itself is not told: "
                "add `changes` or `watermark`"
            )
        return self


def _listed(value: Scalar | list[Scalar] | None) -> list[Scalar]:
    return value if isinstance(value, list) else [] if value is None else [value]
