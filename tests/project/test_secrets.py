"""Where secrets are looked up, in which order, and that they never show."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.model.errors import ProjectError
from muster.model.secrets import Secret
from muster.project.secrets import SecretStore, placeholders, resolve, unresolved


def test_the_environment_comes_before_folders_and_its_own_name_first(tmp_path: Path) -> None:
    (tmp_path / "crm.token").write_text("from the file\n")
    folder = {"MUSTER_SECRETS_DIR": str(tmp_path)}
    assert SecretStore(folder)("crm.token") == "from the file"
    assert SecretStore({**folder, "MUSTER_SECRET_CRM_TOKEN": "b"})("crm.token") == "b"
    assert SecretStore({**folder, "MUSTER_SECRET_CRM_TOKEN": "b", "crm.token": "a"})("crm.token") == "a"


def test_our_folder_comes_before_that_of_systemd(tmp_path: Path) -> None:
    ours, systemd = tmp_path / "ours", tmp_path / "systemd"
    for folder in (ours, systemd):
        folder.mkdir()
    (systemd / "crm").write_text("systemd")
    store = SecretStore({"MUSTER_SECRETS_DIR": str(ours), "CREDENTIALS_DIRECTORY": str(systemd)})
    assert store("crm") == "systemd"
    (ours / "crm").write_text("ours")
    assert store("crm") == "ours"


@pytest.mark.parametrize(
    ("content", "text"),
    [("x\n", "x"), ("x\r\n", "x"), ("x\n\n", "x\n"), ("x", "x"), (" x ", " x "), ("", ""), ("a\r\nb\n", "a\r\nb")],
)
def test_one_line_break_at_the_end_of_a_file_is_not_part_of_the_secret(tmp_path: Path, content: str, text: str) -> None:
    (tmp_path / "name").write_bytes(content.encode())
    assert SecretStore({"MUSTER_SECRETS_DIR": str(tmp_path)})("name") == text


def test_a_missing_secret_names_every_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ProjectError) as caught:
        SecretStore({"MUSTER_SECRETS_DIR": str(tmp_path)})("crm-token")
    assert caught.value.message == (
        "The secret 'crm-token' is not set. Looked for the environment variables crm-token and "
        f"MUSTER_SECRET_CRM_TOKEN, the file {tmp_path}/crm-token, and the entry 'crm-token' "
        "of service 'muster' in the system's keyring (the package `keyring` is not installed). Set one of them."
    )


def test_the_keyring_is_asked_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class KeyringError(Exception):
        pass

    asked = []

    def get_password(service: str, name: str) -> str | None:
        asked.append((service, name))
        if name == "locked":
            raise KeyringError
        return "from the keyring" if name == "crm" else None

    keyring = types.ModuleType("keyring")
    keyring.__dict__.update(get_password=get_password, errors=types.SimpleNamespace(KeyringError=KeyringError))
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    store = SecretStore({"MUSTER_SECRETS_DIR": str(tmp_path)})
    assert store("crm") == "from the keyring"
    assert asked == [("muster", "crm")]
    for name in ("other", "locked"):
        with pytest.raises(ProjectError, match="is not set"):
            store(name)


@pytest.mark.parametrize("name", ["", "../etc/passwd", "a/b", "a b", ".hidden", "a\nb"])
def test_a_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(ProjectError, match="is no name for a secret"):
        SecretStore({})(name)


def test_a_file_that_is_no_text_says_so_and_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "name").write_bytes(b"\xff\xfehunter2")
    with pytest.raises(ProjectError) as caught:
        SecretStore({"MUSTER_SECRETS_DIR": str(tmp_path)})("name")
    assert "hunter2" not in caught.value.message


def test_every_text_with_a_placeholder_becomes_a_secret() -> None:
    tree = {
        "url": "sql://me:${secret:db}@db",
        "token": "${secret:t}",
        "list": ["x", {"y": "${secret:t}"}],
        "n": 5,
    }
    found = resolve(tree, {"db": "p", "t": "q"}.__getitem__)
    assert found == {
        "url": Secret("sql://me:p@db"),
        "token": Secret("q"),
        "list": ["x", {"y": Secret("q")}],
        "n": 5,
    }
    assert "p@db" not in repr(found)
    assert placeholders(tree) == ["db", "t"]


def test_a_secret_is_not_looked_at_for_placeholders() -> None:
    assert resolve("${secret:a}", {"a": "${secret:b}"}.__getitem__) == Secret("${secret:b}")


_TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text("ab${}:secrt", max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("ab", max_size=3), inner, max_size=3)),
    max_leaves=10,
)


@given(_TREES)
def test_settings_without_placeholders_stay_as_they_are(tree: object) -> None:
    if not placeholders(tree):
        assert unresolved(tree) == tree
