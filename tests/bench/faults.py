"""What becomes of thousands of messages when providers fail in every way we know?

Real stand-ins, real calls, a clock of the test's: the product's own minutes go by as fast as they can be worked off,
and a call is given up after a fraction of a second instead of ten. The clock goes on until every notice has ended.
"""

from __future__ import annotations

import logging
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import func, select
from werkzeug.serving import make_server

from app import create_app, join
from app.config import Settings
from app.db import upgrade
from app.lanes import Lanes
from app.models import Alarm, Company, Customer, Notice, NoticeAttempt, Service, Site, Technician, Visit
from app.operations.booking import book_visit
from app.operations.customer_view import note_opened
from app.operations.notice import Telling, add_notice
from app.operations.receipt import note_receipt
from app.parts import Parts
from app.providers import email_smtp, http
from app.providers.email_smtp import SmtpEmail
from app.providers.line_messaging import LineMessages
from app.providers.sms_twilio import TwilioSms
from app.rules.ladder import CALL_TAKES
from app.rules.lateness import Decision, Reason, Watch
from app.tick import climb, deliver
from tests.conftest import STORY_DAY_AT, HandClock
from tests.standins import (
    ACCOUNT,
    LINE_TOKEN,
    SECRET,
    SENDER,
    LineServer,
    MailServer,
    Sms,
    SmsServer,
    line_server,
    mail_server,
    sms_server,
)

#: How one in so many requests goes wrong; the rest are answered as they should be. "early": the receipt comes, or the
#: link is opened, before the answer.
FATES: Sequence[tuple[int, Any]] = (
    (40, "hang"), (25, "fail"), (25, "broken"), (25, "empty"), (40, "drip"), (25, "close"), (25, "lost"),
    (40, (429, 20429)), (40, (429, 20429, "20")), (30, "early ok"), (60, "early hang"), (60, "early close"),
)  # fmt: skip
MAIL_FATES: Sequence[tuple[int, Any]] = (
    (40, "hang"), (25, "close"), (40, "drip"), (25, "broken"), (25, "slow"), (25, "later"), (25, "greylist"),
    (40, "nobody"),
)  # fmt: skip
#: What follows later from what was taken, by provider, in percent; from the rest nothing is ever heard.
FOLLOWS = {
    "sms": (("delivered", 88), ("undelivered", 4)),
    "line": (("opened", 75),),
    "email": (("opened", 60), ("bounced", 5)),
}
#: The longest that a receipt takes; some come twice.
FOLLOWS_WITHIN_S = 120
#: How long a call may take here, seconds; in production ten, and 25.
GIVES_UP_S = 0.25
TICK = timedelta(seconds=5)
#: All notices are written over so long; the clock then goes on until all have ended, but not for ever.
SPREAD, AT_LAST = timedelta(minutes=10), timedelta(hours=3)
#: What each row of the table may use.
WAYS: Sequence[tuple[str, ...]] = (("sms",), ("line",), ("email",), ("line", "sms", "email"))

HEAD = (
    "provider", "notices", "requests", "called back first", "accepted once", "never", "twice", "blind resends",
    "delivered", "call task", "open", "after the deadline", "last ended, s before it", "lost", "s",
)  # fmt: skip


@dataclass
class World:
    """One installation and the stand-ins around it."""

    parts: Parts
    clock: HandClock
    sms: SmsServer
    line: LineServer
    mail: MailServer
    dice: random.Random
    #: How many receipts and opened links came before the answer to our call.
    early: int = 0

    def taken(self, name: str) -> list[Any]:
        """Return what a provider has taken, in order."""
        return {"sms": self.sms.taken, "line": self.line.taken, "email": self.mail.mails}[name]

    def asked(self, names: Sequence[str]) -> int:
        """Return how often the providers were asked for anything."""
        counted = {"sms": len(self.sms.requests), "line": len(self.line.requests), "email": self.mail.asked}
        return sum(counted[name] for name in names)


def measure(size: int = 5000) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the table: a provider that is searched for what it took, one that takes nothing twice, one that tells
    nothing, and all three as a ladder."""

    def rows() -> Iterator[Sequence[object]]:
        for ways in WAYS:
            with tempfile.TemporaryDirectory() as folder:
                yield tuple(run(Path(folder), ways, size if len(ways) == 1 else size // 2, seed=1).values())

    return HEAD, rows()


def run(folder: Path, ways: Sequence[str], size: int, seed: int) -> dict[str, object]:
    """Hand over so many notices to providers that fail, and count what they took and how each notice ended."""
    began_s = time.monotonic()
    with _world(folder, ways, seed) as world:
        visits, pause, lanes, told = _cast(world, size), Event(), Lanes(), 0
        following: dict[str, int] = dict.fromkeys(ways, 0)
        due: list[tuple[datetime, Callable[[], None]]] = []
        while told < size or (_open(world.parts) and world.clock.at < STORY_DAY_AT + AT_LAST):
            share = min((world.clock.at - STORY_DAY_AT) / SPREAD, 1.0)
            for visit_id in visits[told : round(share * size)]:
                _tell(world.parts, visit_id)
            told = max(told, round(share * size))
            climb(world.parts, world.clock.now())
            deliver(world.parts, lanes)
            while any(lane.busy for lane in lanes._lanes.values()):
                pause.wait(0.01)
            _follow(world, following, due)
            world.clock.at += TICK
        lanes.close()
        found = _count(world, ways, size)
    return {"provider": " → ".join(ways), **found, "s": round(time.monotonic() - began_s)}


@contextmanager
def _world(folder: Path, ways: Sequence[str], seed: int) -> Iterator[World]:
    """Yield a running installation: its own web server, to which the provider calls back, and stand-ins that fail."""
    clock, dice = HandClock(), random.Random(seed)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with ExitStack() as stack:
        sms, line = stack.enter_context(sms_server()), stack.enter_context(line_server())
        mail = stack.enter_context(mail_server())
        web = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
        base_url = f"http://127.0.0.1:{web.server_port}"
        settings = Settings(
            database_url=f"sqlite:///{folder}/bench.sqlite", secret_key="for-the-bench", base_url=base_url,
            twilio_account_sid=ACCOUNT, twilio_auth_token=SECRET, twilio_from=SENDER,
        )  # fmt: skip
        joined = join(settings, clock)
        every: dict[str, Any] = {
            "sms": TwilioSms(ACCOUNT, SECRET, SENDER, sms.url, f"{base_url}/hooks/twilio/status"),
            "line": LineMessages(LINE_TOKEN, line.url),
            "email": SmtpEmail(mail.url, "a@example.jp", base_url=base_url),
        }
        parts = replace(joined, channels={name: every[name] for name in ways})
        upgrade(parts.db)
        stack.callback(parts.db.close)
        web.app = create_app(parts)
        Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        stack.callback(web.server_close)
        stack.callback(web.shutdown)
        world = World(parts, clock, sms, line, mail, dice)
        sms.mode = line.mode = lambda: _fate(FATES, dice)
        mail.mode = lambda: _fate(MAIL_FATES, dice)
        sms.now = line.now = lambda: STORY_DAY_AT + timedelta(hours=4)
        mail.now = clock.now

        def reports(one: Sms) -> None:
            world.early += sms.report(one, "delivered") == 204

        def opens(one: Any) -> None:
            _opened(world, _text_of("line", one))
            world.early += 1

        sms.calls_back, line.calls_back = reports, opens
        stack.enter_context(patch.object(http, "_DEADLINE_S", GIVES_UP_S))
        stack.enter_context(patch.object(email_smtp, "_DEADLINE_S", GIVES_UP_S))
        stack.enter_context(patch.object(email_smtp, "_TIMEOUT_S", 1.0))
        yield world


def _fate(fates: Sequence[tuple[int, Any]], dice: random.Random) -> Any:
    for one_in, fate in fates:
        if not dice.randrange(one_in):
            return fate
    return "ok"


def _cast(world: World, size: int) -> list[int]:
    """Book visits of as many customers, each with a technician of their own, over the next hours."""
    visits = []
    with world.parts.db.write() as session:
        session.add(Company(name="アオバPCサポート", short_name="アオバPC", phone="+81312345678"))
        wifi = Service(name_ja="Wi-Fi設定", name_en="Wi-Fi setup", duration_min=60)
        session.add(wifi)
        for number in range(size):
            at = STORY_DAY_AT + timedelta(minutes=world.dice.randrange(20, 80))
            customer = Customer(
                name=f"客{number}", language="ja", mobile=f"+8190{10000000 + number}", line_id=f"U{number}",
                email=f"{number}@example.jp", created_at=STORY_DAY_AT,
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
        telling = Telling(parts.settings.base_url, parts.settings.zone, parts.channels)
        add_notice(session, session.get_one(Visit, visit_id), decision, telling, now)


def _open(parts: Parts) -> int:
    """Return how many notices have not come to an end."""
    with parts.db.read() as session:
        ended = ("delivered", "failed", "unknown")
        return session.scalar(select(func.count()).where(Notice.state.not_in(ended)).select_from(Notice)) or 0


def _follow(world: World, following: dict[str, int], due: list[tuple[datetime, Callable[[], None]]]) -> None:
    """Let receipts and customers follow what was taken, whatever we were answered: late, some twice, in any order."""
    now, dice = world.clock.now(), world.dice
    for name, seen in following.items():
        taken = world.taken(name)
        for one in taken[seen:]:
            follows = _one_of(FOLLOWS[name], dice)
            for _ in range(2 if follows and not dice.randrange(10) else int(follows is not None)):
                at = now + timedelta(seconds=dice.randrange(FOLLOWS_WITHIN_S))
                due.append((at, lambda name=name, one=one, follows=follows: _happen(world, name, one, follows)))
        following[name] = len(taken)
    ready = [what for at, what in due if at <= now]
    due[:] = [(at, what) for at, what in due if at > now]
    for what in ready:
        what()


def _one_of(shares: Sequence[tuple[str, int]], dice: random.Random) -> str | None:
    drawn = dice.randrange(100)
    for what, percent in shares:
        drawn -= percent
        if drawn < 0:
            return what
    return None


def _happen(world: World, name: str, one: Any, what: str) -> None:
    now = world.clock.now()
    if what == "opened":
        _opened(world, _text_of(name, one))
        return
    with world.parts.db.write() as session:
        if name == "sms":
            _note_sms(session, one, what, now)
        else:
            note_receipt(session, one["Message-ID"], "failed", "4.4.1", now, reference=_reference(one))


def _note_sms(session: Any, one: Sms, status: str, now: datetime) -> None:
    reference = parse_qs(urlsplit(one.form["StatusCallback"]).query)["n"][0]
    note_receipt(session, one.sid, "sent", None, now, reference=reference)
    note_receipt(session, one.sid, status, "30003" if status == "undelivered" else None, now, reference=reference)


def _opened(world: World, text: str) -> None:
    """Open the page whose link stands in a message."""
    token = text.partition("/v/")[2].split()[0]
    with world.parts.db.write() as session:
        note_opened(session, token, world.clock.now())


def _text_of(name: str, one: Any) -> str:
    if name == "line":
        return str(one["messages"][0]["text"])
    return str(one.get_body(("plain",)).get_content())


def _reference(mail: Any) -> str:
    return str(mail["Message-ID"]).removeprefix("<mamonaku.").partition("@")[0]


def _count(world: World, ways: Sequence[str], size: int) -> dict[str, object]:
    """Hold what became of every notice against what the providers took, and against the clock."""
    with world.parts.db.read() as session:
        notices = session.scalars(select(Notice)).all()
        attempts = session.scalars(select(NoticeAttempt).order_by(NoticeAttempt.id)).all()
        calls = select(Alarm.visit_id, func.min(Alarm.raised_at)).where(Alarm.kind == "call_customer")
        raised: dict[int | None, datetime] = {row[0]: row[1] for row in session.execute(calls.group_by(Alarm.visit_id))}
        # As it stood when the notice was written, before anything could go wrong.
        promises = session.execute(select(Visit.id, Visit.promised_from_at))
        promised: dict[int, datetime] = {row.id: row.promised_from_at for row in promises}
    notice_of = {attempt.id: attempt.notice_id for attempt in attempts}
    took = {
        "sms": Counter(one.body for one in world.sms.taken),
        "line": Counter(_text_of("line", one) for one in world.line.taken),
        "email": Counter(notice_of[int(_reference(one).partition("-")[0])] for one in world.mail.mails),
    }
    most, late, lost, is_open, slack_s = Counter[int](), 0, size - len(notices), 0, list[float]()
    for notice in notices:
        key: dict[str, Any] = {"sms": notice.short, "line": notice.line, "email": notice.id}
        accepts = max(took[name][key[name]] for name in ways)
        most[min(accepts, 2)] += 1
        ends = [at for at in (notice.delivered_at, raised.get(notice.visit_id)) if at is not None]
        ended = bool(ends) and notice.state in ("delivered", "failed", "unknown")
        is_open += not ended
        lost += not ended or (notice.state == "delivered" and not accepts)
        if ended:
            slack_s.append((_deadline(notice.created_at, promised[notice.visit_id]) - min(ends)).total_seconds())
            late += slack_s[-1] < 0
    delivered = sum(notice.state == "delivered" for notice in notices)
    return dict(
        zip(
            HEAD[1:-1],
            (
                len(notices), world.asked(ways), world.early, most[1], most[0], most[2], _blind(attempts),
                delivered, len(notices) - delivered - is_open, is_open, late, round(min(slack_s, default=0)), lost,
            ),
            strict=True,
        )
    )  # fmt: skip


def _deadline(told_at: datetime, promised_at: datetime) -> datetime:
    """Return by when a customer must know of a delay, or somebody must be calling her: a quarter of an hour before she
    reckons with the technician, but not within four minutes of our knowing; and five minutes for the call."""
    about = max(promised_at - timedelta(minutes=15), told_at + timedelta(minutes=4))
    return min(about, told_at + timedelta(minutes=30)) + CALL_TAKES


def _blind(attempts: Sequence[NoticeAttempt]) -> int:
    """Return how many attempts were made though an earlier one on the same channel may have been taken."""
    uncertain, blind = set[tuple[int, str]](), 0
    for attempt in attempts:
        way = attempt.notice_id, attempt.channel
        blind += way in uncertain
        if attempt.outcome in (None, "unknown"):
            uncertain.add(way)
    return blind
