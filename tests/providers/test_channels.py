"""What every channel must do, whichever provider is behind it: one row for each in the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from app import providers
from app.config import Settings, SettingsError, read_settings
from app.providers import CHANNELS, build_channels, console
from app.providers.base import OutcomeUnknown, PushDevice, Recipient, Refused, TryLater
from app.rules import reach
from app.rules.messages import Message
from tests.standins import (
    ACCOUNT,
    LINE_SECRET,
    LINE_TOKEN,
    SECRET,
    SENDER,
    line_server,
    mail_server,
    push_server,
    sms_server,
)

MESSAGE = Message(
    short="【アオバPC】遅れ17:20-17:40頃",
    line="山田 花子様\nお約束に遅れる見込みとなりました。",
    subject="到着遅れのお詫び",
    body="山田 花子様\n\nお詫び申し上げます。",
    spoken="山田 花子様。アオバPCサポートでございます。お約束に遅れる見込みとなりました。",
)
HANAKO = Recipient(
    mobile="+819012345678", phone="+819012345678", email="hanako@example.jp", line_id="U4af4980629", language="ja"
)
NOBODY = Recipient()
REFERENCE = "12-18f"
#: What must not be in any word about a failure: it is kept with the attempt and shown.
PERSONAL = ("hanako", "9012345678", "山田", "U4af4980629", SECRET, LINE_TOKEN)
#: Nothing listens on this port of this host.
DEAF = "127.0.0.1:1"
PUSH_KEY = providers.push_web.new_key()
#: A browser behind it.
DEAF_DEVICE = PushDevice(
    f"http://{DEAF}/push/x", p256dh=providers.push_web.WebPush(PUSH_KEY, "", []).public_key, auth="A" * 22
)


def be(**changes: Any) -> Callable[[Any], None]:
    return lambda server: [setattr(server, name, value) for name, value in changes.items()] and None


#: What a provider behind HTTP does after it took a message, so that nobody hears that it did.
HTTP_LOSES = {mode: be(mode=mode) for mode in ("hang", "close", "fail", "broken", "empty", "drip")}


@dataclass
class Row:
    """How one channel is set up, how its provider is made to fail, and where our marks arrive."""

    module: Any
    server: Callable[[], Any]
    settings: Callable[[str], dict[str, str]]
    #: How often the person is told.
    taken: Callable[[Any], int]
    refuse: Callable[[Any], None]
    busy: Callable[[Any], None]
    #: Where our reference and the validity are in what was taken; None where the provider knows no such thing.
    reference: Callable[[Any], str]
    valid_s: Callable[[Any], float] | None
    loses: dict[str, Callable[[Any], None]] = field(default_factory=lambda: HTTP_LOSES)
    #: Where the deadline of a whole call is.
    clockwork: Any = providers.http
    #: Whom it is sent to.
    recipient: Callable[[Any], Recipient] = lambda server: HANAKO
    #: What asks to be left alone for seven seconds.
    rest: Callable[[Any], None] | None = None


TWILIO = {"twilio_account_sid": ACCOUNT, "twilio_auth_token": SECRET, "twilio_from": SENDER}

ROWS = {
    "line": Row(
        module=providers.line_messaging,
        server=line_server,
        settings=lambda url: {
            "line_channel_token": LINE_TOKEN,
            "line_channel_secret": LINE_SECRET,
            "line_base_url": url,
        },
        taken=lambda server: len(server.taken),
        refuse=be(mode=(400, None)),
        busy=be(mode=(429, "The API rate limit has been exceeded.")),
        rest=be(mode=(429, "The API rate limit has been exceeded.", "7")),
        reference=lambda server: server.taken[0]["key"],
        valid_s=None,  # LINE knows none
    ),
    "sms": Row(
        module=providers.sms_twilio,
        server=sms_server,
        settings=lambda url: {**TWILIO, "twilio_base_url": url},
        taken=lambda server: len(server.taken),
        refuse=be(mode=(400, 21614)),
        busy=be(mode=(429, 20429)),
        rest=be(mode=(429, 20429, "7")),
        reference=lambda server: server.taken[0].form["StatusCallback"],
        valid_s=lambda server: float(server.taken[0].form["ValidityPeriod"]),
    ),
    "voice": Row(
        module=providers.voice_twilio,
        server=sms_server,
        settings=lambda url: {**TWILIO, "twilio_base_url": url},
        taken=lambda server: len(server.taken),
        refuse=be(mode=(400, 21211)),
        busy=be(mode=(429, 20429)),
        rest=be(mode=(429, 20429, "7")),
        reference=lambda server: server.taken[0].form["StatusCallback"],
        valid_s=lambda server: float(server.taken[0].form["Timeout"]),
    ),
    "push": Row(
        module=providers.push_web,
        server=push_server,
        settings=lambda url: {
            "push_contact": "desk@example.jp",
            "push_key": PUSH_KEY,
            "push_services": "127.0.0.1",
        },
        taken=lambda server: len(server.shown),
        refuse=be(mode=(410, None)),
        busy=be(mode=(429, None)),
        rest=be(mode=(429, None, "7")),
        reference=lambda server: server.taken[0]["headers"]["Topic"],
        valid_s=lambda server: float(server.taken[0]["headers"]["TTL"]),
        loses={mode: HTTP_LOSES[mode] for mode in ("hang", "close", "fail", "drip")},  # a body says nothing here
        recipient=lambda server: replace(HANAKO, push=(server.device(),) if server else (DEAF_DEVICE,)),
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
        reference=lambda server: server.mails[0]["Message-ID"],
        valid_s=lambda server: (
            parsedate_to_datetime(server.mails[0]["Expires"]) - server.mails[0]["Date"].datetime
        ).total_seconds(),
        loses={
            "hang": be(mode="hang"),
            "close": be(break_off=True),
            "broken": be(mode="broken"),
            "drip": be(mode="drip"),
        },
        clockwork=providers.email_smtp,
    ),
}  # fmt: skip


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


@pytest.fixture
def send(row, server):
    def hand_over(channel, *, reference=REFERENCE, valid_s=20, to=None):
        return channel.send(MESSAGE, to or row.recipient(server), reference=reference, valid_s=valid_s)

    return hand_over


def tells_nothing_personal(error) -> bool:
    return bool(str(error.value)) and not any(word in str(error.value) for word in PERSONAL)


def test_every_registered_channel_is_held_to_this():
    assert {row.module.from_settings for row in ROWS.values()} == set(CHANNELS)


def test_it_is_not_there_without_its_settings(row):
    assert row.module.from_settings(Settings()) is None


def test_it_reaches_who_can_be_reached(row, server, channel):
    assert channel.reaches(row.recipient(server))
    assert not channel.reaches(NOBODY)


def test_a_message_is_handed_over_once_and_has_an_id(row, server, channel, send):
    assert send(channel)
    assert row.taken(server) == 1


def test_our_reference_reaches_the_provider_and_stays_the_same(row, server, channel, send):
    send(channel)
    with row.server() as another:
        send(channel_of(row, another.url), to=row.recipient(another))
        assert row.reference(server) == row.reference(another)
    with row.server() as another:
        send(channel_of(row, another.url), reference="13-18f", to=row.recipient(another))
        assert row.reference(server) != row.reference(another)


def test_how_long_it_is_valid_reaches_the_provider(row, server, channel, send):
    if row.valid_s is None:
        pytest.skip("this provider knows no validity: what it takes is delivered at once or when the phone is on again")
    send(channel, valid_s=20)
    assert row.valid_s(server) == 20


def test_a_refusal_is_final_and_says_why_without_the_address(row, server, channel, send):
    row.refuse(server)
    with pytest.raises(Refused) as error:
        send(channel)
    assert tells_nothing_personal(error)
    assert row.taken(server) == 0


def test_an_address_that_leads_nowhere_is_told_as_such(row, server, channel, send):
    row.refuse(server)
    with pytest.raises(Refused) as error:
        send(channel)
    assert error.value.ends in reach.NOWHERE


def test_a_busy_provider_is_asked_later(row, server, channel, send):
    row.busy(server)
    with pytest.raises(TryLater) as error:
        send(channel)
    assert error.value.after_s is None
    assert tells_nothing_personal(error)
    assert row.taken(server) == 0


def test_a_provider_that_says_how_long_is_left_alone_for_so_long(row, server, channel, send):
    if row.rest is None:
        pytest.skip("SMTP knows no such word")
    row.rest(server)
    with pytest.raises(TryLater) as error:
        send(channel)
    assert error.value.after_s == 7


def test_who_cannot_be_connected_to_has_certainly_not_taken_it(row, send):
    with pytest.raises(TryLater) as error:
        send(channel_of(row, f"http://{DEAF}"), to=row.recipient(None))
    assert tells_nothing_personal(error)


@pytest.mark.parametrize(
    ("row", "fault"),
    [pytest.param(row, fault, id=f"{name}-{fault}") for name, row in ROWS.items() for fault in row.loses],
)
def test_a_lost_answer_leaves_the_outcome_unknown(row, server, channel, send, monkeypatch, fault):
    monkeypatch.setattr(row.clockwork, "_DEADLINE_S", 0.4)
    row.loses[fault](server)
    with pytest.raises(OutcomeUnknown) as error:
        send(channel)
    assert row.taken(server) == 1
    assert tells_nothing_personal(error)
    if channel.repeats_safely:
        server.mode = "ok"
        assert send(channel)
        assert row.taken(server) == 1  # the person is told once


def test_a_look_up_never_says_absent_of_what_was_taken(row, server, channel, send):
    began_at = datetime.now(UTC)
    sent = send(channel)
    try:
        found = channel.look_up(MESSAGE, row.recipient(server), reference=REFERENCE, began_at=began_at)
    except OutcomeUnknown:
        return
    assert found == sent


def test_the_console_stands_in_while_nothing_is_set(capsys):
    channels = build_channels(Settings())
    assert list(channels) == ["console"]
    screen = channels["console"]
    assert screen.reaches(NOBODY)
    assert screen.send(MESSAGE, NOBODY, reference=REFERENCE, valid_s=20)
    shown = capsys.readouterr().out
    assert MESSAGE.short in shown
    assert "9012345678" not in shown
    assert screen.look_up(MESSAGE, HANAKO, reference="1-1", began_at=datetime.now(UTC)) is None


def test_channels_come_in_the_order_in_which_they_are_tried():
    everything = {name: value for row in ROWS.values() for name, value in row.settings(f"http://{DEAF}").items()}
    found = list(build_channels(Settings(**everything)))
    assert found == [name for name in reach.CHANNELS if name in ROWS]
    assert console.Console.name not in found


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
        ({"MAIL_REPLY_TO": "nobody"}, "MAIL_REPLY_TO"),
        ({"LINE_CHANNEL_TOKEN": LINE_TOKEN}, "LINE_CHANNEL_SECRET"),
        ({"LINE_CHANNEL_SECRET": LINE_SECRET}, "LINE_CHANNEL_SECRET"),
        ({"LINE_ACCOUNT": "aoba"}, "LINE_ACCOUNT"),
        ({"PUSH_CONTACT": "nobody"}, "PUSH_CONTACT"),
    ],
)
def test_half_a_setting_is_refused_and_names_the_other_half(monkeypatch, given, named):
    for name, value in given.items():
        monkeypatch.setenv(f"MAMONAKU_{name}", value)
    with pytest.raises(SettingsError) as error:
        read_settings()
    assert f"MAMONAKU_{named}: " in str(error.value)
    assert not any(secret in str(error.value) for secret in (SECRET, LINE_TOKEN, LINE_SECRET))
