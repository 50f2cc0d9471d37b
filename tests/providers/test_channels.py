"""What every channel must do, whichever provider is behind it: one row for each in the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from app import providers
from app.config import Settings, SettingsError, read_settings
from app.providers import CHANNELS, build_channels, console
from app.providers.base import OutcomeUnknown, Recipient, Refused, TryLater
from app.rules.messages import Message
from tests.standins import ACCOUNT, SECRET, SENDER, mail_server, sms_server

MESSAGE = Message(
    "【アオバPC】遅れ17:20-17:40頃",
    "山田 花子様",
    "到着遅れのお詫び",
    "山田 花子様\n\nお詫び申し上げます。",
    "山田 花子様。",
)
HANAKO = Recipient(mobile="+819012345678", email="hanako@example.jp")
NOBODY = Recipient()
#: Nothing listens on this port of this host.
DEAF = "127.0.0.1:1"


@dataclass
class Row:
    """How one channel is set up, and how its provider is made to refuse, to be busy and to break off."""

    module: Any
    server: Callable[[], Any]
    settings: Callable[[str], dict[str, str]]
    taken: Callable[[Any], int]
    refuse: Callable[[Any], None]
    busy: Callable[[Any], None]
    break_off: Callable[[Any], None]


def be(**changes: Any) -> Callable[[Any], None]:
    return lambda server: [setattr(server, name, value) for name, value in changes.items()] and None


ROWS = {
    "sms": Row(
        module=providers.sms_twilio,
        server=sms_server,
        settings=lambda url: {
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": SECRET,
            "twilio_from": SENDER,
            "twilio_base_url": url,
        },
        taken=lambda server: len(server.taken),
        refuse=be(mode=(400, 21614)),
        busy=be(mode=(429, 20429)),
        break_off=be(mode="close"),
    ),
    "email": Row(
        module=providers.email_smtp,
        server=mail_server,
        settings=lambda url: {
            "smtp_url": url.replace("http:", "smtp:"),
            "mail_from": "アオバPC <notice@example.jp>",
        },
        taken=lambda server: len(server.mails),
        refuse=be(reply_rcpt="550 5.1.1 hanako@example.jp unknown"),
        busy=be(reply_rcpt="451 4.7.1 greylisted"),
        break_off=be(break_off=True),
    ),
}


def channel_of(row: Row, url: str) -> Any:
    return row.module.from_settings(Settings(**row.settings(url)))


@pytest.fixture(params=ROWS)
def row(request):
    return ROWS[request.param]


@pytest.fixture
def server(row):
    with row.server() as running:
        yield running


@pytest.fixture
def channel(row, server):
    return channel_of(row, server.url)


def send(channel):
    return channel.send(MESSAGE, HANAKO, reference="12-18f", valid_s=600)


def test_every_registered_channel_is_held_to_this():
    assert {row.module.from_settings for row in ROWS.values()} == set(CHANNELS)


def test_it_is_not_there_without_its_settings(row):
    assert row.module.from_settings(Settings()) is None


def test_it_reaches_who_can_be_reached(channel):
    assert channel.reaches(HANAKO)
    assert not channel.reaches(NOBODY)


def test_a_message_is_handed_over_once_and_has_an_id(row, server, channel):
    assert send(channel)
    assert row.taken(server) == 1


def test_a_refusal_is_final_and_says_why_without_the_address(row, server, channel):
    row.refuse(server)
    with pytest.raises(Refused) as error:
        send(channel)
    assert str(error.value)
    assert "hanako" not in str(error.value)
    assert "9012345678" not in str(error.value)
    assert row.taken(server) == 0


def test_a_busy_provider_is_asked_later(row, server, channel):
    row.busy(server)
    with pytest.raises(TryLater):
        send(channel)
    assert row.taken(server) == 0


def test_who_cannot_be_connected_to_has_certainly_not_taken_it(row):
    with pytest.raises(TryLater):
        send(channel_of(row, f"http://{DEAF}"))


def test_a_lost_answer_leaves_the_outcome_unknown(row, server, channel):
    row.break_off(server)
    with pytest.raises(OutcomeUnknown):
        send(channel)
    assert row.taken(server) == 1


def test_a_look_up_never_says_absent_of_what_was_taken(row, server, channel):
    began_at = datetime.now(UTC)
    sent = send(channel)
    try:
        found = channel.look_up(MESSAGE, HANAKO, reference="12-18f", began_at=began_at)
    except OutcomeUnknown:
        return
    assert found == sent


def test_the_console_stands_in_while_nothing_is_set(capsys):
    channels = build_channels(Settings())
    assert list(channels) == ["console"]
    screen = channels["console"]
    assert screen.reaches(NOBODY)
    assert send(screen)
    shown = capsys.readouterr().out
    assert MESSAGE.short in shown
    assert "9012345678" not in shown
    assert screen.look_up(MESSAGE, HANAKO, reference="1-1", began_at=datetime.now(UTC)) is None


def test_channels_come_in_the_order_in_which_they_are_tried():
    everything = {name: value for row in ROWS.values() for name, value in row.settings(f"http://{DEAF}").items()}
    assert list(build_channels(Settings(**everything))) == ["sms", "email"]
    assert console.Console.name not in build_channels(Settings(**everything))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_FROM": SENDER}, "TWILIO_AUTH_TOKEN"),
        ({"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": SECRET}, "TWILIO_FROM"),
        ({"TWILIO_AUTH_TOKEN": SECRET}, "TWILIO_AUTH_TOKEN"),
        ({"TWILIO_FROM": SENDER}, "TWILIO_FROM"),
        ({"SMTP_URL": "smtp://mail.example.jp"}, "MAIL_FROM"),
        ({"SMTP_URL": "smtp://mail.example.jp", "MAIL_FROM": "nobody"}, "MAIL_FROM"),
        ({"SMTP_URL": "smtp://mail.example.jp", "MAIL_FROM": "a@b@c"}, "MAIL_FROM"),
    ],
)
def test_half_a_setting_is_refused_and_names_the_other_half(monkeypatch, given, named):
    for name, value in given.items():
        monkeypatch.setenv(f"MAMONAKU_{name}", value)
    with pytest.raises(SettingsError) as error:
        read_settings()
    assert f"MAMONAKU_{named}: " in str(error.value)
    assert SECRET not in str(error.value)
