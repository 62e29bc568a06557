"""What a connector's tests supply so that the conformance kit can run on the real system."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from muster.connectors.kit.contract import Capabilities, Connector
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.objects import ConnectorObject, Page
from muster.model.schema import ENABLED, ObjectSchema
from muster.model.secrets import Secret
from muster.model.values import Document, Scalar, Value, same


class Subject(ABC):
    """One object type of one real system that the kit may empty, fill and break.

    What cannot be said of a system is left at None, and the checks that need it are not run.
    """

    connector: ClassVar[type[Connector]]
    object_type: str = "account"
    #: a single-valued text attribute that every sample has and that may be changed
    text: str
    #: a single-valued attribute that may be cleared
    clearable: str | None = None
    #: a many-valued attribute that is no large reference, and three values for it
    many: str | None = None
    many_values: Sequence[Scalar] = ("one", "two", "three")
    #: a large many-valued reference
    large: str | None = None
    #: whether a delta read tells changes one by one, and deletions among them
    deltas: bool = False
    delta_deletes: bool = True
    #: whether objects of this type have a password, where the connector sets passwords
    passwords: bool = True

    # --- to be supplied

    @abstractmethod
    def open(self) -> Connector:
        """A new connector to the system, not yet entered."""

    @abstractmethod
    def reset(self) -> None:
        """Leave the system without an object of the type."""

    @abstractmethod
    def sample(self, n: int) -> Document:
        """The values to create the n-th object with: all different, the anchor among them unless it is assigned."""

    # --- to be supplied where the system can

    def renamed(self, _n: int) -> Document | None:
        """Values that rename (or move) the n-th object, or None."""
        return None

    def refused(self, _n: int) -> Document | None:
        """Values like the n-th sample's that the system refuses, or None."""
        return None

    def targets(self, count: int) -> list[str]:
        """So many names that the large reference may hold, created where they must exist."""
        return [f"target-{number}" for number in range(count)]

    def unreachable(self) -> Connector | None:
        """A connector whose system does not answer, not entered."""
        return None

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        """A connector with a wrong secret, not entered, and that secret."""
        return None

    def broken_read(self) -> Connector | None:
        """An entered connector whose read breaks before its end, or None."""
        return None

    def duplicated(self) -> str | None:
        """Put two objects with one anchor into the system, and give that anchor; None where it cannot be."""
        return None

    def expired(self) -> str | None:
        """A watermark that the system no longer knows."""
        return None

    # --- behind the connector's back; by a second session unless the tests know better

    def add(self, n: int) -> str:
        """Create the n-th sample and give its anchor."""
        outcome = self.written(self._create(n))
        assert outcome.result is Result.DONE, f"sample {n} could not be created: {outcome.result} {outcome.reason}"
        assert outcome.anchor, f"the outcome of creating sample {n} carries no anchor"
        return outcome.anchor

    def change(self, anchor: str, values: Document) -> None:
        """Replace some values of an object."""
        outcome = self.written(Change(1, self.object_type, Action.UPDATE, anchor, values))
        assert outcome.result is Result.DONE, f"{anchor} could not be changed: {outcome.result} {outcome.reason}"

    def remove(self, anchor: str) -> None:
        """Delete an object."""
        outcome = self.written(Change(1, self.object_type, Action.DELETE, anchor))
        assert outcome.result is Result.DONE, f"{anchor} could not be deleted: {outcome.result} {outcome.reason}"

    # --- what the checks use

    @property
    def capabilities(self) -> Capabilities:
        """The connector's capabilities, from its spec."""
        return self.connector.spec.capabilities

    def schema(self) -> ObjectSchema:
        """The object type's schema as the connector gives it."""
        with self.open() as connector:
            return connector.schema().types[self.object_type]

    def wanted(self) -> dict[str, list[str]]:
        """All attributes of the object type, as `read` takes them."""
        schema = self.schema()
        names = dict.fromkeys(schema.attributes)
        if schema.can_enable:
            names[ENABLED] = None
        return {self.object_type: list(names)}

    def pages(self, since: str | None = None) -> list[Page]:
        """All pages of one read in a session of its own."""
        wanted = self.wanted()
        with self.open() as connector:
            return list(connector.read(wanted, since))

    def objects(self) -> dict[str, ConnectorObject]:
        """Everything in the system by anchor."""
        return {item.anchor: item for page in self.pages() for item in page.objects}

    def written(self, *changes: Change) -> Outcome:
        """Write in a session of its own; the outcome of the last change by key."""
        outcomes = self.outcomes(*changes)
        return outcomes[changes[-1].key]

    def outcomes(self, *changes: Change) -> dict[int, Outcome]:
        """Write in a session of its own; the outcomes by key, exactly one each."""
        with self.open() as connector:
            answered = list(connector.write(iter(changes)))
        keys = sorted(outcome.key for outcome in answered)
        assert keys == sorted(change.key for change in changes), f"outcomes for {keys}, expected one for each change"
        return {outcome.key: outcome for outcome in answered}

    def create(self, n: int, key: int = 1, values: Mapping[str, Value] | None = None) -> Change:
        """The change that creates the n-th sample."""
        return self._create(n, key, values)

    def shows(self, anchor: str, values: Mapping[str, Value]) -> str:
        """What the system shows otherwise than `values`; empty when it shows just them."""
        found = self.objects().get(anchor)
        if found is None:
            return f"there is no object {anchor!r}"
        schema = self.schema()
        return "; ".join(
            f"{name} is {found.values.get(name)!r}, expected {value!r}"
            for name, value in values.items()
            if not same(found.values.get(name), value, schema.attribute(name))
        )

    def _create(self, n: int, key: int = 1, values: Mapping[str, Value] | None = None) -> Change:
        document = dict(self.sample(n) if values is None else values)
        schema = self.schema()
        anchor = None if schema.assigned else document.get(schema.anchor)
        return Change(key, self.object_type, Action.CREATE, None if anchor is None else str(anchor), document)
