"""Switching an account off does not wait for its other values: where one is refused, it is switched off alone."""

from __future__ import annotations

from dataclasses import replace

from muster.model.changes import Action, Change, Outcome, Result
from muster.model.schema import ENABLED


def disables_among_others(change: Change) -> bool:
    """Whether the change switches an account off and does something else with it."""
    if change.action not in (Action.UPDATE, Action.DISABLE) or change.values.get(ENABLED) is not False:
        return False
    more = len(change.values) > 1 or change.add or change.remove or change.edges is not None or change.password
    return bool(more)


def disabling_alone(change: Change) -> Change:
    """The change without all else."""
    return Change(
        change.key, change.type, Action.DISABLE, change.anchor, {ENABLED: False}, expected=dict(change.expected)
    )


def after_disabling(refused: Outcome, alone: Outcome) -> Outcome:
    """What became of a change that was refused, once its account was to be switched off alone."""
    if alone.result is Result.DONE:
        return replace(refused, written={ENABLED: False, **alone.values})
    if alone.result is Result.REJECTED:
        same = alone.reason == refused.reason
        more = "" if same else f". Switching it off and nothing else was refused too: {alone.reason}"
        return replace(refused, reason=refused.reason.rstrip(".") + more)
    return alone
