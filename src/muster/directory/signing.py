"""The public keys by which tokens are known to be ours. Each server signs with a private key of its own, in a file."""

from __future__ import annotations

from collections.abc import Mapping

from muster.directory.work import Work


def publish(work: Work, number: str, public: str) -> None:
    """Make a server's public key (PEM) known to all that share the directory."""
    work.session.run(
        "INSERT INTO dir_signing_key (id, public, created) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
        *(number, public, work.now),
    )


def public_keys(work: Work) -> Mapping[str, str]:
    """Every public key, by its id."""
    return dict(work.session.rows("SELECT id, public FROM dir_signing_key"))
