"""Are settings checked, documented, and secrets kept?"""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config import Settings, SettingsError, read_settings, settings_table

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIMEZONE", "Asia/Tokio"),
        ("LOCALE", "fr"),
        ("COUNTRY", "Japan"),
        ("BASE_URL", "example.jp"),
        ("SMTP_URL", "mail.example.jp"),
        ("DATABASE_URL", "mysql://x"),
        ("FIXES_KEPT_DAYS", "0"),
        ("FIXES_KEPT_DAYS", "soon"),
        ("REPLAY_KEPT_DAYS", "-1"),
        ("TRUSTED_PROXIES", "-1"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"MAMONAKU_{name}", value)
    with pytest.raises(SettingsError, match=f"MAMONAKU_{name}"):
        read_settings()


def test_a_wrong_secret_is_not_repeated(monkeypatch):
    monkeypatch.setenv("MAMONAKU_SMTP_URL", "imap://user:hunter2@mail.example.jp")
    with pytest.raises(SettingsError) as error:
        read_settings()
    assert "hunter2" not in str(error.value)


def test_the_secret_key_is_made_once_and_kept_for_the_owner(tmp_path):
    settings = Settings(instance=tmp_path / "new")
    key = settings.signing_key()
    assert len(key) > 40
    assert settings.signing_key() == key
    assert (tmp_path / "new" / "secret_key").stat().st_mode & 0o077 == 0


def test_the_readme_lists_every_setting():
    assert settings_table() in README.read_text(encoding="utf-8")
