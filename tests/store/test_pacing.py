"""Transactions take as many rows as they can work through in the time they may last."""

from __future__ import annotations

from muster.store.pacing import LEAST, MOST, Pace


def settled(seconds_a_row: float, rounds: int = 20) -> Pace:
    """A pace that has met rows of this cost for a while."""
    pace = Pace()
    for _ in range(rounds):
        pace.worked(pace.size, pace.size * seconds_a_row)
    return pace


def test_dear_rows_come_in_small_batches() -> None:
    assert settled(0.000_4).size == 375


def test_cheap_rows_come_in_large_batches_and_never_too_large_ones() -> None:
    assert settled(0.000_001).size == MOST


def test_however_dear_rows_are_some_are_taken() -> None:
    assert settled(1.0).size == LEAST


def test_a_batch_at_most_doubles() -> None:
    pace = settled(1.0)
    pace.worked(pace.size, 0.000_1)
    assert pace.size == 2 * LEAST


def test_a_handful_of_rows_says_nothing_of_the_cost_of_one() -> None:
    pace = Pace()
    before = pace.size
    pace.worked(3, 0.05)
    assert pace.size == before


def test_even_a_handful_counts_when_it_took_long() -> None:
    pace = Pace()
    pace.worked(3, 2.0)
    assert pace.size == LEAST
