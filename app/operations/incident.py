"""Tell the many whom one incident concerns what is going on: at once, at most once an hour, and never nothing."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from app.errors import Conflict, Invalid, NotFound, Problem
from app.i18n import t
from app.models import Customer, Incident, IncidentEntry, IncidentVisit, Visit
from app.operations.alarm import clear_alarms, raise_alarm
from app.operations.checks import tell, tell_text
from app.operations.company import find_company
from app.operations.contact import phone_e164
from app.operations.notice import News, Telling, add_notice
from app.rules.incident import (
    REPORT_PARTS,
    Course,
    news_wanted,
    next_word_at,
    report_due_at,
    report_wanted,
    word_due,
)
from app.rules.visit import OPEN

LONGEST_TITLE = 60
LONGEST_WORDS = 400
LONGEST_NAME = 40
LONGEST_PART = 2000
#: More visits than this are no incident but a shut company; each gets its own message.
MOST_VISITS = 5000


@dataclass(frozen=True, slots=True)
class Words:
    """A text in both languages; `en` may be empty where nobody concerned reads English."""

    ja: str
    en: str = ""

    def read_in(self, language: str) -> str:
        """Return the text for a reader: Japanese where there is no English."""
        return self.en if language == "en" and self.en else self.ja


def open_incident(
    session: Session,
    *,
    title: Words,
    words: Words,
    answered_by: str,
    phone: str,
    country: str,
    visit_ids: Collection[int],
    now: datetime,
    actor: str,
    telling: Telling,
) -> Incident:
    """Open the page of an incident and tell everybody it concerns the first word.

    Only open visits can be concerned. Without a `phone` the company's number stands there. Raises Invalid naming the
    fields: the English texts are needed where a customer concerned reads English.
    """
    problems: list[Problem] = []
    visits = _open_visits(session, visit_ids, problems)
    english = any(visit.customer.language == "en" for visit in visits)
    title = _checked(problems, "title", title, LONGEST_TITLE, english=english)
    words = _checked(problems, "words", words, LONGEST_WORDS, english=english)
    answered_by = tell_text(problems, "answered_by", answered_by, LONGEST_NAME)
    number = tell(problems, lambda: phone_e164(phone, country, "phone"))
    company = find_company(session)
    if company is None:
        raise NotFound("company")
    if problems:
        raise Invalid(problems)
    incident = Incident(
        token=secrets.token_hex(8),
        title_ja=title.ja,
        title_en=title.en,
        answered_by=answered_by,
        phone=number or company.phone,
        opened_at=now,
        told_at=now,
        next_word_at=next_word_at(now),
    )
    session.add(incident)
    session.flush()
    session.add_all(
        IncidentVisit(incident_id=incident.id, visit_id=visit.id, added_at=now, added_by=actor) for visit in visits
    )
    _tell(session, incident, _write(session, incident, "opened", words, now, actor), telling, now)
    return incident


def add_update(
    session: Session, incident_id: int, words: Words, *, now: datetime, actor: str, telling: Telling
) -> IncidentEntry:
    """Add news to the page; it is sent at once, or when an hour has passed since the last word.

    Raises NotFound, Conflict when the incident is over, Invalid naming the fields.
    """
    incident = _incident(session, incident_id, is_open=True)
    entry = _write(session, incident, "update", _checked_for(session, incident, words), now, actor)
    if word_due(_course(session, incident), now) == "news":
        _tell(session, incident, entry, telling, now)
    return entry


def close_incident(
    session: Session, incident_id: int, words: Words, *, now: datetime, actor: str, telling: Telling
) -> None:
    """End an incident with a last word, which waits for no hour: good news ends the worry, and the messages.

    Raises NotFound, Conflict when it is over already, Invalid naming the fields.
    """
    incident = _incident(session, incident_id, is_open=True)
    entry = _write(session, incident, "closed", _checked_for(session, incident, words), now, actor)
    incident.closed_at = now
    _tell(session, incident, entry, telling, now)


def reopen_incident(
    session: Session, incident_id: int, words: Words, *, now: datetime, actor: str, telling: Telling
) -> None:
    """Take an end back that came too early, and say so at once.

    Raises NotFound, Conflict when it is not over, Invalid naming the fields.
    """
    incident = _incident(session, incident_id, is_open=False)
    entry = _write(session, incident, "reopened", _checked_for(session, incident, words), now, actor)
    incident.closed_at = incident.reported_at = None
    clear_alarms(session, _subject(incident), ("incident_report_due",), now, actor)
    _tell(session, incident, entry, telling, now)


def report_incident(
    session: Session,
    incident_id: int,
    parts: Mapping[str, Words],
    *,
    now: datetime,
    actor: str,
    telling: Telling,
) -> None:
    """Add the report to the page of an incident that is over, and tell everybody who was told of it that it is there.

    `parts` holds the parts that rules.incident names; none may be empty. Raises NotFound, Conflict when the incident
    is not over or has its report, Invalid naming the fields.
    """
    incident = _incident(session, incident_id, is_open=False)
    if incident.reported_at is not None:
        raise Conflict("incident_reported")
    problems, english = list[Problem](), _reads_english(session, incident)
    checked = {
        part: _checked(problems, part, parts.get(part, Words("")), LONGEST_PART, english=english, lines=True)
        for part in REPORT_PARTS
    }
    if problems:
        raise Invalid(problems)
    report = {"ja": {part: words.ja for part, words in checked.items()}}
    if all(words.en for words in checked.values()):
        report["en"] = {part: words.en for part, words in checked.items()}
    words = Words(t("incident.reported", "ja"), t("incident.reported", "en"))
    entry = _write(session, incident, "report", words, now, actor, report)
    incident.reported_at = now
    clear_alarms(session, _subject(incident), ("incident_report_due",), now, actor)
    _tell(session, incident, entry, telling, now)


def add_visits(
    session: Session, incident_id: int, visit_ids: Collection[int], *, now: datetime, actor: str, telling: Telling
) -> int:
    """Have an open incident concern more visits; their customers are told the newest word at once. Return how many.

    Raises NotFound, Conflict when the incident is over, Invalid naming the field.
    """
    incident, problems = _incident(session, incident_id, is_open=True), list[Problem]()
    visits = _open_visits(session, visit_ids, problems)
    if not incident.title_en and any(visit.customer.language == "en" for visit in visits):
        problems.append(Problem("visits", "incident_no_english"))
    if problems:
        raise Invalid(problems)
    known = set(session.scalars(select(IncidentVisit.visit_id).where(IncidentVisit.incident_id == incident.id)))
    added = [visit for visit in visits if visit.id not in known]
    session.add_all(
        IncidentVisit(incident_id=incident.id, visit_id=visit.id, added_at=now, added_by=actor) for visit in added
    )
    session.flush()
    newest = session.get_one(IncidentEntry, incident.told_entry_id)
    _send(session, incident, newest, [visit.id for visit in added], telling, now)
    return len(added)


def leave_out(session: Session, incident_id: int, visit_id: int) -> None:
    """Have an incident not concern a visit after all; what its customer was told stays told. Raises NotFound."""
    _incident(session, incident_id, is_open=None)
    concerned = session.get(IncidentVisit, (incident_id, visit_id))
    if concerned is not None:
        session.delete(concerned)


def to_speak_of(session: Session) -> Sequence[int]:
    """Return the incidents of which something may be due: those that go on, and those whose report is owed."""
    unfinished = Incident.closed_at.is_(None) | Incident.reported_at.is_(None)
    return session.scalars(select(Incident.id).where(unfinished).order_by(Incident.id)).all()


def speak_due(session: Session, incident_id: int, telling: Telling, now: datetime) -> bool:
    """Send the word that is due about an incident, or call a person where one is needed; return whether it was sent.

    News that waited for its hour goes out; where there is none, the word is that we are still at work on it.
    """
    incident = session.scalar(
        select(Incident).where(Incident.id == incident_id).with_for_update(skip_locked=True, of=Incident)
    )
    if incident is None:  # somebody writes about it at this moment
        return False
    facts = {"incident": incident.id, "title": incident.title_ja}
    if incident.closed_at is not None:
        if incident.reported_at is None and report_wanted(incident.closed_at, now):
            facts["by"] = report_due_at(incident.closed_at).isoformat()
            raise_alarm(session, "incident_report_due", _subject(incident), now, facts=facts)
        return False
    course = _course(session, incident)
    due = word_due(course, now)
    if due is not None:
        entry = _newest(session, incident) if due == "news" else _still(session, incident, now)
        _tell(session, incident, entry, telling, now)
    elif news_wanted(course, now):
        facts["by"] = incident.next_word_at.isoformat()
        raise_alarm(session, "incident_news_due", _subject(incident), now, facts=facts)
    return due is not None


def _subject(incident: Incident) -> str:
    return f"incident:{incident.id}"


def _incident(session: Session, incident_id: int, *, is_open: bool | None) -> Incident:
    """Return an incident, locked, in the wanted state. Raises NotFound, Conflict."""
    incident = session.get(Incident, incident_id, with_for_update=True, populate_existing=True)
    if incident is None:
        raise NotFound("incident")
    if is_open is not None and (incident.closed_at is None) is not is_open:
        raise Conflict("incident_closed" if is_open else "incident_open")
    return incident


def _open_visits(session: Session, visit_ids: Collection[int], problems: list[Problem]) -> Sequence[Visit]:
    wanted = set(visit_ids)
    if not wanted:
        problems.append(Problem("visits", "missing"))
    if len(wanted) > MOST_VISITS:
        problems.append(Problem("visits", "too_many", {"most": MOST_VISITS}))
        return ()
    return session.scalars(
        select(Visit)
        .where(Visit.id.in_(wanted), Visit.status.in_(OPEN))
        .options(joinedload(Visit.customer))
        .order_by(Visit.promised_from_at, Visit.id)
    ).all()


def _checked(
    problems: list[Problem], field: str, words: Words, most: int, *, english: bool, lines: bool = False
) -> Words:
    """Return a text that was typed; `lines` keeps its lines, where it is not to be sent."""

    def checked(name: str, text: str) -> str:
        text = text.strip()
        one_line = tell_text(problems, name, " ".join(text.split()), most)
        return text if lines else one_line

    en = checked(f"{field}_en", words.en) if english or words.en.strip() else ""
    return Words(checked(f"{field}_ja", words.ja), en)


def _checked_for(session: Session, incident: Incident, words: Words) -> Words:
    problems: list[Problem] = []
    checked = _checked(problems, "words", words, LONGEST_WORDS, english=_reads_english(session, incident))
    if problems:
        raise Invalid(problems)
    return checked


def _reads_english(session: Session, incident: Incident) -> bool:
    """Return whether an incident needs English words: somebody it concerns reads them, or it has an English title."""
    if incident.title_en:
        return True
    readers = (
        select(Visit.id)
        .join(IncidentVisit, IncidentVisit.visit_id == Visit.id)
        .join(Customer, Customer.id == Visit.customer_id)
        .where(IncidentVisit.incident_id == incident.id, Customer.language == "en")
    )
    return bool(session.scalar(select(exists(readers))))


def _write(
    session: Session,
    incident: Incident,
    kind: str,
    words: Words,
    now: datetime,
    actor: str,
    report: Mapping[str, Mapping[str, str]] | None = None,
) -> IncidentEntry:
    entry = IncidentEntry(
        incident_id=incident.id,
        at=now,
        by=actor,
        kind=kind,
        words_ja=words.ja,
        words_en=words.en,
        report=dict(report or {}),
    )
    session.add(entry)
    session.flush()
    clear_alarms(session, _subject(incident), ("incident_news_due",), now, actor)
    return entry


def _still(session: Session, incident: Incident, now: datetime) -> IncidentEntry:
    words = Words(t("incident.still", "ja"), t("incident.still", "en"))
    return _write(session, incident, "still", words, now, "system")


def _newest(session: Session, incident: Incident) -> IncidentEntry:
    return session.scalars(
        select(IncidentEntry).where(IncidentEntry.incident_id == incident.id).order_by(IncidentEntry.id.desc()).limit(1)
    ).one()


def _course(session: Session, incident: Incident) -> Course:
    newest = session.scalar(select(func.max(IncidentEntry.id)).where(IncidentEntry.incident_id == incident.id))
    return Course(incident.told_at, incident.next_word_at, (newest or 0) > incident.told_entry_id)


def _tell(session: Session, incident: Incident, entry: IncidentEntry, telling: Telling, now: datetime) -> None:
    """Send a line of the page to everybody concerned, and promise the next one while it goes on."""
    incident.told_at, incident.next_word_at, incident.told_entry_id = now, next_word_at(now), entry.id
    concerned = session.scalars(select(IncidentVisit.visit_id).where(IncidentVisit.incident_id == incident.id))
    _send(session, incident, entry, concerned.all(), telling, now)


def _send(
    session: Session,
    incident: Incident,
    entry: IncidentEntry,
    visit_ids: Collection[int],
    telling: Telling,
    now: datetime,
) -> None:
    """Write a notice to each customer concerned: one, however many visits of hers are; none to who has been served.

    The end and the report go to everybody who has been told of the incident, served or not. It is about a visit that
    she still waits for, if there is one: what is said of a cancelled one is never sent.
    """
    to_all = entry.kind in ("closed", "report")
    rows = session.scalars(
        select(IncidentVisit)
        .join(IncidentVisit.visit)
        .where(IncidentVisit.incident_id == incident.id, IncidentVisit.visit_id.in_(visit_ids))
        .where(Visit.status.in_(OPEN) | IncidentVisit.told_entry_id.is_not(None) if to_all else Visit.status.in_(OPEN))
        .options(contains_eager(IncidentVisit.visit).joinedload(Visit.customer))
        .order_by(Visit.status.not_in(OPEN), Visit.status == "cancelled", Visit.promised_from_at, Visit.id)
    ).all()
    words = Words(entry.words_ja, entry.words_en)
    title = Words(incident.title_ja, incident.title_en)
    told: set[int] = set()
    for row in rows:
        customer = row.visit.customer
        row.told_entry_id = entry.id
        if customer.id in told:
            continue
        told.add(customer.id)
        said: dict[str, str | datetime] = {
            "incident": title.read_in(customer.language),
            "words": words.read_in(customer.language),
        }
        if incident.closed_at is None:
            said["next_at"] = incident.next_word_at
        key = f"incident:{entry.id}:{customer.id}"
        facts = {"incident": incident.id, "entry": entry.kind}
        add_notice(session, row.visit, News("incident_update", "incident", facts, words=said, key=key), telling, now)
