"""Promises about the session: what holds without I/O, and how a dead system or a wrong secret is told."""

from __future__ import annotations

import time
from typing import Final

from muster.connectors.kit.check import always, promise
from muster.connectors.kit.contract import Acts, Connector, ConnectorSpec, FindsObjects, SetsPasswords, Settings
from muster.connectors.kit.subject import Subject
from muster.model.errors import AuthFailed, MusterError, Unreachable
from muster.model.secrets import Secret

PATIENCE: Final = 30.0
"""Seconds within which a dead system must be told."""


def _can_be_unreachable(subject: Subject) -> str:
    try:
        made = subject.unreachable()
    except MusterError:
        return ""
    return "" if made is not None else "its system cannot be unreachable"


def _has_secret(subject: Subject) -> str:
    return "" if subject.wrong_secret() is not None else "it has no secret"


def _sets_passwords(subject: Subject) -> str:
    if not subject.passwords:
        return "its objects have no passwords"
    return "" if subject.capabilities.sets_passwords else "it does not set passwords"


@promise(always)
def spec_is_readable_without_io(subject: Subject) -> None:
    """Name, settings models and capabilities are data of the class, and agree with what the class can do."""
    spec = subject.connector.spec
    assert isinstance(spec, ConnectorSpec), f"spec is {spec!r}"
    assert spec.name, "the spec has no name"
    for model in (spec.settings, spec.object_settings):
        assert issubclass(model, Settings), f"{model!r} is not a settings model"
        bare = [name for name, field in model.model_fields.items() if not field.description]
        assert not bare, f"settings without a help line: {', '.join(bare)}"
    can = spec.capabilities
    assert can.finds == issubclass(subject.connector, FindsObjects), "`finds` and get/find do not agree"
    assert can.sets_passwords == issubclass(subject.connector, SetsPasswords), "`sets_passwords` does not agree"
    assert bool(can.actions) == issubclass(subject.connector, Acts), "`actions` and act do not agree"


@promise(_can_be_unreachable)
def making_a_connector_connects_nothing(subject: Subject) -> None:
    """Settings are validated without a connection: a connector to a dead system can be made, at once."""
    started = time.monotonic()
    try:
        made = subject.unreachable()
    except MusterError as error:
        raise AssertionError(f"making the connector raised {type(error).__name__}: {error}") from error
    assert made is not None
    assert time.monotonic() - started < 1, "making the connector took longer than a second: does it connect?"


@promise(_can_be_unreachable)
def dead_system_is_unreachable(subject: Subject) -> None:
    """A system that does not answer raises Unreachable, soon, with words."""
    connector = subject.unreachable()
    assert connector is not None
    started = time.monotonic()
    error = _refusal(connector)
    assert isinstance(error, Unreachable), f"expected Unreachable, found {error!r}"
    assert len(error.message) > 20, f"the message does not help: {error.message!r}"
    assert time.monotonic() - started < PATIENCE, f"it took longer than {PATIENCE:.0f} s"


@promise(_has_secret)
def wrong_secret_is_auth_failed(subject: Subject) -> None:
    """A wrong secret raises AuthFailed, and no text of the error or its causes shows the secret."""
    supplied = subject.wrong_secret()
    assert supplied is not None
    connector, secret = supplied
    error = _refusal(connector)
    assert isinstance(error, AuthFailed), f"expected AuthFailed, found {error!r}"
    _hides(error, secret)


@promise(always)
def check_tells_that_all_is_well(subject: Subject) -> None:
    """`check` on a system that works is ok, says in a line what answered, and misses nothing."""
    with subject.open() as connector:
        health = connector.check()
    assert health.ok, f"not ok: {health.message}; missing: {', '.join(health.missing)}"
    assert health.message, "the message is empty"


@promise(always)
def sessions_leave_nothing_behind(subject: Subject) -> None:
    """A connector can be entered and left again and again, also without doing anything."""
    for _ in range(3):
        with subject.open():
            pass


@promise(_sets_passwords)
def passwords_are_set_and_never_shown(subject: Subject) -> None:
    """A password is set on an object that is there; GONE for one that is not; no reason shows it."""
    anchor = subject.add(1)
    secret = Secret("Kit-Passw0rd!27")
    with subject.open() as connector:
        assert isinstance(connector, SetsPasswords)
        done = connector.set_password(subject.object_type, anchor, secret, False)
        assert done.result.value == "done", f"expected done, found {done.result} {done.reason}"
        subject.remove(anchor)
        gone = connector.set_password(subject.object_type, anchor, secret, False)
    assert gone.result.value == "gone", f"expected gone, found {gone.result} {gone.reason}"
    assert secret.reveal() not in done.reason + gone.reason, "a reason shows the password"


def _refusal(connector: Connector) -> MusterError:
    """What entering (and then checking) the connector raises."""
    try:
        with connector:
            connector.check()
    except MusterError as error:
        return error
    raise AssertionError("entering and checking raised nothing")


def _hides(error: BaseException, secret: Secret) -> None:
    link: BaseException | None = error
    while link is not None:
        assert secret.reveal() not in f"{link} {link!r}", f"{type(link).__name__} shows the secret"
        link = link.__cause__ or link.__context__
