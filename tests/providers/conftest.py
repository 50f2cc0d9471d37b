from __future__ import annotations

import pytest

from tests.standins import mail_server, sms_server


@pytest.fixture
def twilio():
    with sms_server() as server:
        yield server


@pytest.fixture
def mail():
    with mail_server() as server:
        yield server
