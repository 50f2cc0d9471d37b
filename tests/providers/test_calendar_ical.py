"""Is a calendar of anybody's read rightly, and can no calendar keep us busy?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.providers.calendar_ical import Calendars
from app.providers.guarded import Guarded
from tests.webhook_standin import program

TOKYO = ZoneInfo("Asia/Tokyo")
FROM_AT = datetime(2026, 11, 23, tzinfo=UTC)
UNTIL_AT = FROM_AT + timedelta(days=120)


@pytest.fixture
def server():
    with program() as running:
        yield running


def calendar(*events, head=""):
    body = "".join(f"BEGIN:VEVENT\r\nUID:{n}\r\nDTSTAMP:20261101T000000Z\r\n{event}\r\nEND:VEVENT\r\n"
                   for n, event in enumerate(events))  # fmt: skip
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{head}{body}END:VCALENDAR\r\n".encode()


def read(server, body, **known):
    server.answer = (200, {"ETag": '"v1"'}, body)
    asked = {"etag": None, "content_hash": None, "from_at": FROM_AT, "until_at": UNTIL_AT, "zone": TOKYO, **known}
    return Calendars(Guarded(["127.0.0.1"]), ["2"]).read(f"{server.url}/own.ics", **asked)


def local(spans):
    return [f"{a.astimezone(TOKYO):%m-%d %H:%M}–{b.astimezone(TOKYO):%m-%d %H:%M}" for a, b in spans]


def test_busy_times_are_read_and_nothing_else(server):
    body = calendar(
        "DTSTART:20261124T010000Z\r\nDTEND:20261124T020000Z\r\nSUMMARY:歯医者",
        "DTSTART;TZID=Asia/Tokyo:20261125T100000\r\nDURATION:PT90M",
        "DTSTART;VALUE=DATE:20261127\r\nDTEND;VALUE=DATE:20261129",
        "DTSTART:20261130T090000\r\nDTEND:20261130T100000",
        "DTSTART:20261201T010000Z\r\nDTEND:20261201T020000Z\r\nTRANSP:TRANSPARENT",
        "DTSTART:20261202T010000Z\r\nDTEND:20261202T020000Z\r\nSTATUS:CANCELLED",
        "DTSTART:20261203T010000Z\r\nDTEND:20261203T020000Z\r\nX-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "DTSTART:20261204T010000Z\r\nDTEND:20261204T020000Z",
        "DTSTART:20261204T013000Z\r\nDTEND:20261204T030000Z",
        "DTSTART:20261001T010000Z\r\nDTEND:20261001T020000Z",
        "DTSTART:20281001T010000Z\r\nDTEND:20281001T020000Z",
    )
    found = read(server, body)
    assert found.failure is None
    assert local(found.busy) == [
        "11-24 10:00–11-24 11:00", "11-25 10:00–11-25 11:30", "11-27 00:00–11-29 00:00", "11-30 09:00–11-30 10:00",
        "12-04 10:00–12-04 12:00",
    ]  # fmt: skip


def test_what_comes_again_is_read_with_what_was_moved_and_what_falls_out(server):
    body = calendar(
        "DTSTART;TZID=Asia/Tokyo:20261102T130000\r\nDTEND;TZID=Asia/Tokyo:20261102T140000\r\nRRULE:FREQ=WEEKLY;COUNT=6\r\n"
        "EXDATE;TZID=Asia/Tokyo:20261130T130000",
    ).replace(
        b"END:VCALENDAR",
        b"BEGIN:VEVENT\r\nUID:0\r\nDTSTAMP:20261101T000000Z\r\nRECURRENCE-ID;TZID=Asia/Tokyo:20261123T130000\r\n"
        b"DTSTART;TZID=Asia/Tokyo:20261124T150000\r\nDTEND;TZID=Asia/Tokyo:20261124T160000\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )
    assert local(read(server, body).busy) == ["11-24 15:00–11-24 16:00", "12-07 13:00–12-07 14:00"]


def test_the_zones_of_outlook_are_understood(server):
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Tokyo Standard Time\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\n"
        "TZOFFSETFROM:+0900\r\nTZOFFSETTO:+0900\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    event = "DTSTART;TZID=Tokyo Standard Time:20261124T100000\r\nDTEND;TZID=Tokyo Standard Time:20261124T110000"
    assert local(read(server, calendar(event, head=zone)).busy) == ["11-24 10:00–11-24 11:00"]


def test_a_calendar_that_is_known_is_not_read_again(server):
    body = calendar("DTSTART:20261124T010000Z\r\nDTEND:20261124T020000Z")
    first = read(server, body)
    again = read(server, body, etag=first.etag, content_hash=first.content_hash)
    assert (again.busy, again.failure, again.content_hash) == (None, None, first.content_hash)
    assert server.told[-1].headers["if-none-match"] == '"v1"'
    server.answers.append(304)
    unchanged = read(server, body, etag=first.etag, content_hash=first.content_hash)
    assert (unchanged.busy, unchanged.failure, unchanged.etag) == (None, None, '"v1"')


@pytest.mark.parametrize(
    ("body", "failure"),
    [(b"<html>Sign in</html>", "not_a_calendar"), (b"", "not_a_calendar"), (b"x" * (4 * 1024 * 1024 + 1), "too_large"),
     (calendar("DTSTART:20261124T010000Z\r\nDTEND:20261124T010001Z\r\nRRULE:FREQ=SECONDLY"), "too_much")],
    ids=["page", "nothing", "large", "every second"],
)  # fmt: skip
def test_what_is_no_calendar_or_a_bomb_is_refused_in_time(server, body, failure):
    assert read(server, body).failure == failure


def test_one_bad_appointment_spoils_no_other(server):
    good = "DTSTART:20261124T010000Z\r\nDTEND:20261124T020000Z"
    for bad in ("SUMMARY:no start", "DTSTART:20261124T010000Z\r\nRRULE:FREQ=SOMETIMES", "DTSTART:99999999T999999Z"):
        assert local(read(server, calendar(bad, good)).busy) == ["11-24 10:00–11-24 11:00"], bad


@pytest.mark.parametrize(
    ("answer", "failure"), [(404, "http_404"), (302, "http_302"), (304, "http_304"), (500, "http_500")]
)
def test_a_server_that_does_not_give_it_is_named(server, answer, failure):
    server.answers.append(answer)
    assert read(server, b"").failure == failure
