"""The key that signs sessions."""

import stat
import threading

import pytest

from eobench_dash.auth.secret import secret_key
from eobench_dash.errors import SettingsError


def test_the_key_is_made_once_private_and_random(settings) -> None:
    key = secret_key(settings)
    path = settings.home / "secret.key"
    assert len(key) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret_key(settings) == key
    assert [p.name for p in settings.home.iterdir()] == ["secret.key"]
    path.unlink()
    assert secret_key(settings) != key


def test_processes_that_start_at_once_agree_on_one_key(settings) -> None:
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(secret_key(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_off_loopback_the_file_has_to_be_named(settings, tmp_path) -> None:
    outside = settings.model_copy(update={"host": "0.0.0.0"})
    with pytest.raises(SettingsError, match="EOBENCH_SECRET_KEY_FILE"):
        secret_key(outside)
    assert not (settings.home / "secret.key").exists()
    file = tmp_path / "key"
    file.write_text("k" * 40 + "\n")
    assert secret_key(outside.model_copy(update={"secret_key_file": file})) == b"k" * 40


@pytest.mark.parametrize(
    ("content", "mode", "says"), [("short", 0o600, "shorter than 32"), ("k" * 40, 0o622, "chmod 600")]
)
def test_a_named_key_that_cannot_be_trusted_is_refused(settings, tmp_path, content, mode, says) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(SettingsError, match=says):
        secret_key(settings.model_copy(update={"secret_key_file": file}))


def test_a_named_key_that_is_missing_is_refused(settings, tmp_path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        secret_key(settings.model_copy(update={"secret_key_file": tmp_path / "none"}))


def test_our_own_key_open_to_others_is_refused(settings) -> None:
    secret_key(settings)
    (settings.home / "secret.key").chmod(0o644)
    with pytest.raises(SettingsError, match="open to other users"):
        secret_key(settings)
