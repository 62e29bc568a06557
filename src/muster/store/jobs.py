"""What people decided about the job of a system: that it is paused, and that it may take away more than its limits
allow, once. Each decision is sealed in the audit trail."""

from __future__ import annotations

from dataclasses import dataclass

from muster.store.database import Session
from muster.store.decided import Decided, seal


@dataclass(frozen=True, slots=True)
class Job:
    """`paused_at` (microseconds) None: it runs. `force`: the next run goes beyond the limits. `by` and `why`: of the
    last decision."""

    paused_at: int | None = None
    by: str = ""
    why: str = ""
    force: bool = False


def jobs(session: Session) -> dict[str, Job]:
    """The jobs about which somebody decided something, by system."""
    rows = session.rows("SELECT system, paused_at, made_by, why, force FROM job ORDER BY system")
    return {system: Job(at, by, why, bool(force)) for system, at, by, why, force in rows}


def is_paused(session: Session, system: str) -> bool:
    """Whether the job of a system is paused."""
    return session.one("SELECT system FROM job WHERE system = ? AND paused_at IS NOT NULL", system) is not None


def decide_job(session: Session, system: str, kind: str, job: Job, *, at: int, rehearsed: bool, what: str = "") -> None:
    """Keep a decision (`kind`: pause, resume or restart; `what` it was about) and seal it."""
    row = (system, job.paused_at, job.by, job.why, int(job.force))
    session.upsert("job", ("system", "paused_at", "made_by", "why", "force"), ("system",), [row])
    seal(session, kind, system, Decided(job.by, job.why, at, rehearsed), about="job", what=what)


def used_up(session: Session, system: str) -> None:
    """The run that was allowed to go beyond the limits has been."""
    session.run("UPDATE job SET force = 0 WHERE system = ?", system)
