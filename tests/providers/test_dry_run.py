"""Does a dry run send nothing, whatever channels are set up?"""

from __future__ import annotations

import pytest

from app.config import Settings
from app.providers import build_channels
from app.providers.base import Recipient
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
