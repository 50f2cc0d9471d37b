"""What becomes of thousands of messages when providers fail in every way we know?

Real stand-ins, real calls, a clock of the test's: the product's own minutes go by as fast as they can be worked off,
and a call is given up after a fraction of a second instead of ten.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import patch

from sqlalchemy import func, select

from app import join
from app.config import Settings
from app.db import Database, upgrade
from app.lanes import Lanes
from app.models import Alarm, Company, Customer, Notice, NoticeAttempt, Service, Site, Technician, Visit
from app.operations.booking import book_visit
from app.operations.notice import Telling, add_notice
from app.operations.receipt import note_receipt
from app.parts import Parts
from app.providers import http
from app.providers.line_messaging import LineMessages
from app.providers.sms_twilio import TwilioSms
from app.rules.lateness import Decision, Reason, Watch
from app.tick import climb, deliver
from tests.conftest import STORY_DAY_AT, HandClock
from tests.standins import ACCOUNT, LINE_TOKEN, SECRET, SENDER, FaultyServer, line_server, sms_server

#: How one in so many requests goes wrong; the rest are answered as they should be.
FATES: Sequence[tuple[int, Any]] = (
    (40, "hang"), (25, "fail"), (25, "broken"), (25, "empty"), (40, "drip"), (25, "close"), (25, "lost"),
    (40, (429, 20429)), (40, (429, 20429, "20")),
)  # fmt: skip
#: How long a call may take here, seconds; in production ten.
GIVES_UP_S = 0.25
TICK = timedelta(seconds=5)
#: All notices are written over so long, and then everything has time to end.
SPREAD, ENDS = timedelta(minutes=10), timedelta(minutes=16)


def measure(size: int = 5000) -> tuple[Sequence[str], list[Sequence[object]]]:
    """Return the table: a provider that is searched for what it took, and one that takes nothing twice."""
    head = ("provider", "notices", "accepted once", "never", "twice", "requests", "delivered", "call task", "lost", "s")
    with tempfile.TemporaryDirectory() as folder:
        rows = [run(Path(folder), name, size, seed=1) for name in ("sms", "line")]
    return head, rows


def run(folder: Path, provider: str, size: int, seed: int) -> Sequence[object]:
    """Hand over so many notices to a provider that fails, and count what it took and how each notice ended."""
    dice, began_s = random.Random(seed), time.monotonic()
    with sms_server() as sms, line_server() as line:
        server: FaultyServer = sms if provider == "sms" else line
        server.mode = lambda: _fate(dice)
        server.now = lambda: STORY_DAY_AT + timedelta(hours=2)
        clock = HandClock()
        url = f"sqlite:///{folder}/{provider}.sqlite"
        joined = join(Settings(database_url=url, secret_key="for-the-bench"), clock)
        channel: Any = (
            TwilioSms(ACCOUNT, SECRET, SENDER, server.url, "https://a.jp/hooks/twilio/status")
            if provider == "sms"
            else LineMessages(LINE_TOKEN, server.url)
        )
        parts = Parts(joined.settings, Database(url), clock, {channel.name: channel}, joined.geocoder)
        upgrade(parts.db)
        visits = _cast(parts, size)
        pause, lanes, told = Event(), Lanes(), 0
        with patch.object(http, "_DEADLINE_S", GIVES_UP_S):
            while clock.at < STORY_DAY_AT + ENDS:
                share = min((clock.at - STORY_DAY_AT) / SPREAD, 1.0)
                for visit_id in visits[told : round(share * size)]:
                    _tell(parts, visit_id)
                told = max(told, round(share * size))
                climb(parts, clock.now())
                deliver(parts, lanes)
                while any(lane.busy for lane in lanes._lanes.values()):
                    pause.wait(0.01)
                _report(parts, provider, dice)
                clock.at += TICK
        lanes.close()
        row = _count(parts, server, provider)
        parts.db.close()
    return (provider, *row, round(time.monotonic() - began_s))


def _fate(dice: random.Random) -> Any:
    for one_in, fate in FATES:
        if not dice.randrange(one_in):
            return fate
    return "ok"


def _cast(parts: Parts, size: int) -> list[int]:
    at = STORY_DAY_AT + timedelta(minutes=30)
    visits = []
    with parts.db.write() as session:
        session.add(Company(name="アオバPCサポート", short_name="アオバPC", phone="+81312345678"))
        wifi = Service(name_ja="Wi-Fi設定", name_en="Wi-Fi setup", duration_min=60)
        session.add(wifi)
        for number in range(size):
            customer = Customer(
                name=f"客{number}", language="ja", mobile=f"+8190{10000000 + number}", line_id=f"U{number}",
                created_at=STORY_DAY_AT,
            )  # fmt: skip
            site = Site(customer=customer, address="和歌山市1-1", lat=34.2, lon=135.1, located_by="given")
            technician = Technician(name=f"担当{number}", created_at=STORY_DAY_AT)
            session.add_all([customer, site, technician])
            session.flush()
            visit = book_visit(
                session, customer_id=customer.id, site_id=site.id, service_id=wifi.id, technician_id=technician.id,
                promised_from_at=at, promised_until_at=at, duration_min=60, now=STORY_DAY_AT, actor="bench",
            )  # fmt: skip
            visits.append(visit.id)
    return visits


def _tell(parts: Parts, visit_id: int) -> None:
    now = parts.clock.now()
    quoted = now + timedelta(minutes=80), now + timedelta(minutes=100)
    decision = Decision("late", *quoted, Reason("late_expected"), None, Watch(), None)
    with parts.db.write() as session:
        telling = Telling("https://a.jp", parts.settings.zone, parts.channels)
        add_notice(session, session.get_one(Visit, visit_id), decision, telling, now)


def _report(parts: Parts, provider: str, dice: random.Random) -> None:
    """Report most of what was sent as delivered, the rest never: seconds later, as carriers do."""
    now = parts.clock.now()
    sent = (
        select(NoticeAttempt.provider_id)
        .join(Notice, Notice.id == NoticeAttempt.notice_id)
        .where(Notice.state == "sent", Notice.sent_at <= now, NoticeAttempt.outcome == "accepted")
    )
    with parts.db.write() as session:
        for provider_id in session.scalars(sent).all():
            if provider_id and dice.random() < 0.3:
                note_receipt(session, provider_id, "delivered", None, now)


def _count(parts: Parts, server: FaultyServer, provider: str) -> Sequence[object]:
    took = Counter(one.body if provider == "sms" else one["messages"][0]["text"] for one in server.taken)
    with parts.db.read() as session:
        notices = session.scalars(select(Notice)).all()
        raised: dict[int | None, tuple[datetime, str]] = {
            alarm.visit_id: (alarm.raised_at, alarm.facts["deadline_at"])
            for alarm in session.scalars(select(Alarm).where(Alarm.kind == "call_customer"))
        }
        asked = session.scalar(select(func.count()).select_from(NoticeAttempt))
    accepts = [took[(one.short if provider == "sms" else one.line) or ""] for one in notices]
    delivered = sum(one.state == "delivered" for one in notices)
    called = sum(one.state in ("failed", "unknown") and _in_time(raised.get(one.visit_id)) for one in notices)
    lost = len(notices) - delivered - called
    lost += sum(one.state == "delivered" and not took for one, took in zip(notices, accepts, strict=True))
    counted = (accepts.count(1), accepts.count(0), sum(took > 1 for took in accepts))
    assert asked is not None
    return len(notices), *counted, len(server.requests), delivered, called, lost


def _in_time(raised: tuple[datetime, str] | None) -> bool:
    return raised is not None and raised[0] <= datetime.fromisoformat(raised[1])
