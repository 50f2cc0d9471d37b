"""A quarter of an hour in which everything happens at once that the jobs and the office do, and what must come of it.

Three customers whose technicians stand in a jam, a reminder that falls due, an incident whose hour is over, mails in
the mailbox, an address without a position, a message that nobody reads, a day and a reminder that cannot be worded; a
provider of SMS that is down, so that everything goes the way of LINE; and an office that moves one visit, calls off
another, and sends a colleague where somebody is late. The office asks again until it has its answer, as programs do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any
from unittest.mock import patch

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import auth, create_app, join, tick
from app.config import Settings
from app.db import Database
from app.models import (
    Alarm,
    CalendarSubscription,
    Customer,
    Inbound,
    Incident,
    IncidentEntry,
    ListFile,
    Notice,
    Proposal,
    Reminder,
    Service,
    Site,
    Technician,
    User,
    Visit,
    VisitEvent,
    Webhook,
    WebhookMessage,
)
from app.operations.appointment import book
from app.operations.field import report_status
from app.operations.inbound import receive
from app.operations.incident import Words, open_incident
from app.operations.notice import Telling
from app.operations.position import ReportedFix, record_fixes
from app.parts import Parts
from app.providers.geocode_nominatim import Place
from app.providers.line_messaging import LineMessages
from app.providers.mailbox_imap import ImapMailbox
from app.providers.sms_twilio import TwilioSms
from app.rules.ladder import calls
from app.rules.position import Fix
from app.rules.signatures import twilio_signature
from app.rules.webhook import EVENTS
from jobs.schedule import TIMETABLE, Jobs
from tests.conftest import STORY_DAY_AT, HandClock
from tests.late_day import LON, north
from tests.standins import ACCOUNT, LINE_TOKEN, SECRET, SENDER

BASE_URL = "https://a.jp"
#: Nobody listens there.
NOWHERE = "http://127.0.0.1:9"
_MAIL = "From: {0}\r\nTo: office@example.jp\r\nSubject: Re\r\nMessage-ID: <{0}>\r\n\r\nIs there parking?\r\n"
MAILS = tuple(_MAIL.format(sender) for sender in ("6@example.jp", "who@x.jp"))
#: Who is concerned by what happens; each has one visit, with a technician of its own.
MOVED, CALLED_OFF, REMINDED, STORM, NEXT, NOWHERE_YET, BROKEN, UNREAD, ASKED = (
    *("移動", "取消", "前触れ", "嵐", "次の方"),
    *("住所", "壊れ", "未読", "伺い"),
)
#: Who stands in a list that the office has sent to be taken in.
LISTED = "一覧"
HELPER, CRASHING = "助っ人", "壊れた日"


def seed_day(session: Session, zone: Any) -> None:
    """Add to the customers whose technicians stand in a jam everybody else to whom something happens."""
    now = STORY_DAY_AT
    auth.create_user(
        session, email="d@example.jp", name="d", role="dispatcher", password="correct horse", language="ja", now=now
    )
    minutes = {
        MOVED: 180,
        CALLED_OFF: 200,
        REMINDED: 121,
        STORM: 300,
        NOWHERE_YET: 240,
        BROKEN: 121,
        UNREAD: 260,
        ASKED: 280,
    }
    visits = {name: _book(session, name, in_min, zone) for name, in_min in minutes.items()}
    site = session.get_one(Site, visits[NOWHERE_YET].site_id)
    site.lat = site.lon = None
    asked = visits[ASKED]
    times = {"former_from_at": asked.promised_from_at, "former_until_at": asked.promised_until_at}
    times |= {f"{end}_at": asked.promised_from_at + timedelta(hours=1) for end in ("from", "until")}
    session.add(Proposal(visit_id=asked.id, made_at=now, made_by="user:1", expires_at=now, **times))
    telling = Telling(BASE_URL, zone, {"line": LineMessages(LINE_TOKEN, NOWHERE)})
    words, title = Words("台風のため遅れます。申し訳ございません。"), Words("台風による遅れ")
    open_incident(
        session, title=title, words=words, answered_by="小林", phone="", country="JP", now=now - timedelta(minutes=64),
        visit_ids=[visits[STORM].id], actor="user:1", telling=telling,
    )  # fmt: skip
    for told in session.scalars(select(Notice).where(Notice.kind == "incident_update")):
        told.rest("delivered", None)
    since = now - timedelta(hours=3)
    receive(session, "line", f"U-{UNREAD}", "駐車場はどこですか", since, provider_id="old", zone=zone)
    _overrun(session, zone)
    for state, words in (("taking", LISTED), ("trying", "x")):
        sent = ListFile(kind="customers", name="l.csv", content=f"name,address\n{words},Osaka".encode(), actor="user:1",
                        created_at=now, state=state)  # fmt: skip
        session.add(sent)
    session.add(CalendarSubscription(technician_id=1, url=f"{NOWHERE}/own.ics", created_at=now, created_by="user:1",
                                     next_at=now))  # fmt: skip
    session.add(Webhook(name="会計", url=f"{NOWHERE}/hook", events=list(EVENTS), secret=f"whsec_{'A' * 44}",
                        created_at=now, created_by="user:1"))  # fmt: skip


def _book(session: Session, name: str, in_min: float, zone: Any, km: float = 6.0, **changes: Any) -> Visit:
    """Book one visit five hours ago, of a customer who is reached by SMS and by LINE."""
    now, number = STORY_DAY_AT, len(session.scalars(select(Customer.id)).all())
    customer = Customer(
        name=name, language="ja", mobile=f"+8190555500{number:02d}", line_id=f"U-{name}", email=f"{number}@example.jp",
        created_at=now,
    )  # fmt: skip
    site = Site(customer=customer, address="和歌山市2-2", lat=north(km)[0], lon=LON, located_by="given")
    technician = Technician(name=CRASHING if name == BROKEN else f"担当{name}", created_at=now)
    session.add_all([customer, site, technician])
    session.flush()
    at = now + timedelta(minutes=in_min)
    booking: dict[str, Any] = {"technician_id": technician.id, "duration_min": 60, **changes}
    return book(
        session, zone=zone, now=now - timedelta(hours=5), actor="test", customer_id=customer.id, site_id=site.id,
        service_id=session.scalars(select(Service.id)).first(), promised_from_at=at, promised_until_at=at, **booking,
    )  # fmt: skip


def _overrun(session: Session, zone: Any) -> None:
    """Have work of an hour go on for 110 minutes, the next customer wait near by, and a colleague be free near her."""
    now = STORY_DAY_AT
    begun = _book(session, "長引く方", -110, zone, km=0.0)
    late = _book(session, NEXT, 15, zone, technician_id=begun.technician_id)
    helper = Technician(name=HELPER, created_at=now)
    session.add(helper)
    session.flush()
    for status, ago in (("en_route", 125), ("arrived", 110)):
        at = now - timedelta(minutes=ago)
        report_status(session, begun.id, status, now=at, actor=f"technician:{begun.technician_id}")
    assert late.technician_id is not None
    for technician_id, km in ((late.technician_id, 0.0), (helper.id, 5.0)):
        fixes = [Fix(now - timedelta(minutes=ago), *north(km), 8.0) for ago in (30, 25, 20, 15, 10, 5, 0.5)]
        record_fixes(session, technician_id, [ReportedFix(fix, {}) for fix in fixes], source="owntracks", now=now)


class Atlas:
    """A geocoder that knows every address."""

    def find(self, address: str, *, language: str) -> Place:
        """Return a place."""
        return Place(34.2, 135.2, address)


def play_day(database_url: str, line_url: str, mailbox_url: str, clock: HandClock, ticks: int, step: timedelta) -> None:
    """Run every job of the timetable, and the office's requests, tick by tick."""
    settings = Settings(
        database_url=database_url, secret_key="for-tests-only", base_url=BASE_URL,
        internal_hosts="127.0.0.1", twilio_account_sid=ACCOUNT, twilio_auth_token=SECRET, twilio_from=SENDER,
    )  # fmt: skip
    channels: dict[str, Any] = {
        "sms": TwilioSms(ACCOUNT, SECRET, SENDER, NOWHERE, f"{BASE_URL}/hooks/twilio/status"),
        "line": LineMessages(LINE_TOKEN, line_url),
    }
    parts = replace(join(settings, clock), channels=channels, geocoder=Atlas(), mailbox=ImapMailbox(mailbox_url))
    jobs, pause, office = Jobs(parts), Event(), _Office(parts)
    jobs._wall = clock  # type: ignore[assignment]
    jobs.wake = lambda: None  # type: ignore[method-assign]
    with _breaking(parts.db):
        for number in range(ticks):
            for name, _ in TIMETABLE:
                if name not in ("backtest", "plan"):
                    getattr(jobs, name)()
            ways = (jobs._lanes, jobs._program_lanes, jobs._calendar_lanes)
            while any(lane.busy for way in ways for lane in way._lanes.values()):
                pause.wait(0.002)
            office.ask(number)
            clock.at += step
    jobs.give_way()
    jobs._lanes.close()
    jobs._program_lanes.close()
    jobs._calendar_lanes.close()


@contextmanager
def _breaking(db: Database) -> Iterator[None]:
    """Have one technician's day and one reminder fail whenever they are looked at."""
    with db.read() as session:
        day = session.scalar(select(Technician.id).where(Technician.name == CRASHING))
        reminders = set(
            session.scalars(
                select(Reminder.id)
                .join(Visit, Visit.id == Reminder.visit_id)
                .join(Customer, Customer.id == Visit.customer_id)
                .where(Customer.name == BROKEN)
            )
        )
    look_at_days, turn_due = tick.look_at_days, tick.turn_due

    def look(session: Session, ids: Any, *given: Any) -> int:
        if day in ids:
            raise RuntimeError("a broken day")
        return look_at_days(session, ids, *given)

    def turn(session: Session, ids: Any, *given: Any) -> int:
        if reminders.intersection(ids):
            raise RuntimeError("a broken reminder")
        return turn_due(session, ids, *given)

    with ExitStack() as stack:
        stack.enter_context(patch.object(tick, "look_at_days", look))
        stack.enter_context(patch.object(tick, "turn_due", turn))
        yield


class _Office:
    """Programs that ask for changes, and ask the same again after whoever was to answer has died."""

    def __init__(self, parts: Parts) -> None:
        self._client = create_app(parts).test_client()
        with parts.db.write() as session:
            found = session.execute(select(Customer.name, Visit.id).join(Visit, Visit.customer_id == Customer.id))
            self._visits = {row.name: row.id for row in found}
            self._helper = session.scalar(select(Technician.id).where(Technician.name == HELPER))
            self._mobile = session.scalar(select(Customer.mobile).where(Customer.name == MOVED))
            user = session.scalars(select(User)).one()
            now = parts.clock.now()
            self._token = auth.create_api_token(session, name=f"t{now:%H%M%S}", role=user.role, now=now)

    def ask(self, number: int) -> None:
        """Ask for what this tick brings."""
        later = (STORY_DAY_AT + timedelta(hours=5)).isoformat()
        match number:
            case 1:
                self._patch(MOVED, {"promised_from": later, "promised_until": later, "tell": "send"})
            case 2:
                self._patch(CALLED_OFF, {"status": "cancelled", "reason": "部品", "tell": "send"})
            case 3:
                offer = {"offer": f"reassign-{self._helper}"}
                self._check(
                    self._client.post(
                        f"/api/v1/visits/{self._visits[NEXT]}/repairs", json=offer, headers=self._headers()
                    )
                )
            case 4:
                self._hear("SM" + "1" * 32, "駐車場はありますか")

    def _patch(self, name: str, wish: Any) -> None:
        path = f"/api/v1/visits/{self._visits[name]}"
        headers = {**self._headers(), "If-Match": '"1"'}
        self._check(self._client.patch(path, json=wish, headers=headers))

    def _hear(self, sid: str, words: str) -> None:
        form = {"MessageSid": sid, "From": str(self._mobile), "Body": words}
        url = f"{BASE_URL}/hooks/twilio/inbound"
        signature = twilio_signature(SECRET, url, {name: [value] for name, value in form.items()})
        headers = {"X-Twilio-Signature": signature}
        assert self._client.post("/hooks/twilio/inbound", data=form, headers=headers).status_code == 200

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _check(self, reply: Any) -> None:
        # 412, 409: it was done before, and nobody could say so.
        assert reply.status_code in (200, 409, 412), reply.text


def is_asked_about(notice: Notice) -> bool:
    """Tell whether a provider that is away goes on being asked what became of a notice that nobody is called about.

    Nobody can know whether it was taken before the death: it must not be sent another way, and is not given up either.
    """
    last = notice.attempts[-1] if notice.attempts else None
    waits = notice.state == "sending" and notice.claim_token is None and not calls(notice.kind)
    return waits and last is not None and (last.channel, last.outcome) == ("sms", "unknown")


def wrong_in_day(session: Session, taken: Counter[str], seen: int) -> Iterator[str]:
    """Return what is not as it must be in the end: lost, or there twice. `seen` mails are marked as read."""
    visits = dict(session.execute(select(Customer.name, Visit).join(Visit, Visit.customer_id == Customer.id)).all())
    notices = session.scalars(select(Notice).order_by(Notice.id)).all()
    for name, kind in (
        (MOVED, "moved"),
        (CALLED_OFF, "cancelled"),
        (REMINDED, "reminder_hours"),
        (STORM, "incident_update"),
    ):
        mine = [one for one in notices if one.visit_id == visits[name].id and one.kind == kind]
        wanted = 2 if name == STORM else 1  # the first word was told before
        if len(mine) == wanted and is_asked_about(mine[-1]):
            continue
        if len(mine) != wanted or taken[mine[-1].line or ""] != 1 or mine[-1].state not in ("sent", "delivered"):
            yield f"{kind}: {[(one.state, one.state_reason, taken[one.line or '']) for one in mine]}"
    if visits[MOVED].promised_from_at != STORY_DAY_AT + timedelta(hours=5) or visits[CALLED_OFF].status != "cancelled":
        yield "the office's changes were lost"
    applied = session.scalars(
        select(VisitEvent.id).where(VisitEvent.visit_id == visits[NEXT].id, VisitEvent.kind == "repair")
    ).all()
    helper = session.scalars(select(Technician).where(Technician.name == HELPER)).one()
    if len(applied) != (visits[NEXT].technician_id == helper.id):
        yield f"repair applied {len(applied)} times"
    answers = session.scalars(select(VisitEvent.facts).where(VisitEvent.kind == "move_answered")).all()
    if [one["answer"] for one in answers] != ["lapsed"]:
        yield f"a question that nobody answered: {answers}"
    words = session.scalars(select(IncidentEntry.kind).order_by(IncidentEntry.id)).all()
    if words != ["opened", "still"] or session.scalars(select(Incident)).one().told_entry_id is None:
        yield f"incident: {words}"
    heard = Counter(session.scalars(select(Inbound.channel)))
    if heard != {"line": 1, "email": len(MAILS), "sms": 1} or seen != len(MAILS):
        yield f"heard: {heard}, {seen} marked as read"
    if session.get_one(Site, visits[NOWHERE_YET].site_id).lat is None:
        yield "a site was not located"
    standing = Counter(session.scalars(select(Alarm.kind).where(Alarm.cleared_at.is_(None))))
    for kind in ("reply_waiting", "reply_overdue", "channel_down"):
        if standing[kind] > 2:
            yield f"{kind}: {standing[kind]} alarms"
    if not standing["reply_overdue"] + standing["reply_waiting"] or not standing["channel_down"]:
        yield f"nobody was called: {standing}"
    listed = Counter(session.scalars(select(Customer.name).where(Customer.name.in_((LISTED, "x")))))
    states = session.scalars(select(ListFile.state).order_by(ListFile.id)).all()
    if listed != {LISTED: 1} or states != ["taken", "tried"]:
        yield f"lists: {states}, {listed}"
    messages = session.execute(select(WebhookMessage.event, WebhookMessage.body, WebhookMessage.tries)).all()
    for name, event in ((MOVED, "visit.changed"), (CALLED_OFF, "visit.cancelled")):
        mine = [one.tries for one in messages if one.event == event and f'"visit": {visits[name].id},' in one.body]
        if len(mine) != 1 or not mine[0]:
            yield f"{event}: written {len(mine)} times, tried {mine}"
    under_way = [one for one in notices if one.state in ("due", "sending") and not is_asked_about(one)]
    states = Counter((one.kind, one.state) for one in under_way)
    if states:
        yield f"still under way: {states}"
