"""Does a dry run send nothing, whatever channels are set up?"""

from __future__ import annotations

from pathlib import Path

import pytest

import app
from app import join
from app.config import Settings
from app.providers import build_channels
from app.providers.base import Recipient
from app.providers.dry_run import DryRun
from app.rules.messages import Message
from tests.standins import ACCOUNT, SECRET, SENDER, mail_server, sms_server

WORDS = Message("short", "line", "subject", "body", "spoken")
HANAKO = Recipient(mobile="+819012345678", phone="+81312345678", email="hanako@example.jp", line_id="U1")


@pytest.mark.parametrize("dry", [True, False])
def test_a_dry_run_sends_nothing_and_reaches_the_same_people(dry):
    with sms_server() as sms, mail_server() as mail:
        settings = Settings(
            twilio_account_sid=ACCOUNT, twilio_auth_token=SECRET, twilio_from=SENDER, twilio_base_url=sms.url,
            smtp_url=mail.url, mail_from="notice@a.jp", dry_run=dry,
        )  # fmt: skip
        channels = build_channels(settings)
        for name in ("sms", "email"):
            assert channels[name].reaches(HANAKO)
            assert not channels[name].reaches(Recipient())
            assert channels[name].send(WORDS, HANAKO, reference="1-a", valid_s=60)
        assert bool(sms.requests) is not dry
        assert bool(mail.mails) is not dry


@pytest.fixture
def everything_set(tmp_path):
    """Settings with every channel and a mailbox, none of which anybody may talk to."""
    return Settings(
        instance=tmp_path, secret_key="x", twilio_account_sid=ACCOUNT, twilio_auth_token=SECRET, twilio_from=SENDER,
        twilio_base_url="http://127.0.0.1:9", smtp_url="smtp://127.0.0.1:9", mail_from="notice@a.jp",
        line_channel_token="token", line_channel_secret="secret",
        mailbox_url="imap://a:b@127.0.0.1:9", push_contact="it@a.jp", base_url="https://a.jp",
        database_url="sqlite:///:memory:", dry_run=True,
    )  # fmt: skip


def test_in_a_dry_run_every_channel_there_is_sends_nothing_and_no_mail_is_marked_as_read(everything_set):
    parts = join(everything_set)
    parts.db.close()
    assert set(parts.channels) == {"line", "sms", "push", "voice", "email"}
    assert {type(channel) for channel in parts.channels.values()} == {DryRun}
    assert parts.mailbox is None
    wet = join(everything_set.model_copy(update={"dry_run": False}))
    wet.db.close()
    assert wet.mailbox is not None


def test_nothing_in_the_product_reaches_a_customer_but_through_a_channel():
    """Only the outbox and the letters call `send` and `look_up`, of the channels that are dry in a dry run."""
    root = Path(app.__file__).parent
    callers = {
        file.relative_to(root).as_posix()
        for file in root.rglob("*.py")
        if "channel.send(" in (words := file.read_text()) or ".look_up(" in words
    }
    assert callers == {"operations/outbox.py", "operations/letter.py"}
    libraries = ("smtplib", "import requests", "http_ece", "py_vapid", "imaplib", "urllib3")
    outside = {
        file.relative_to(root).parts[0]
        for file in root.rglob("*.py")
        if any(library in file.read_text() for library in libraries)
    }
    assert outside == {"providers"}
