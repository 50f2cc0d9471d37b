"""What happens at each tick? Days that are due are looked at, some at once, in transactions that are soon over.

The jobs, the replay and the demo's tests all tick through here, so that they run the same code.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, tzinfo
from operator import itemgetter

import structlog
from sqlalchemy.orm import Session

from app.brake import Brake
from app.crash import calling, writing
from app.db import SILENT, held_elsewhere
from app.lanes import Lanes
from app.operations.agreement import call_about_price, unagreed_soon
from app.operations.day import due_technicians
from app.operations.incident import speak_due, to_speak_of
from app.operations.ladder import climb as climb_ladder
from app.operations.ladder import postpone_climb, unconfirmed
from app.operations.lateness import look_at_days, postpone_day
from app.operations.locating import note_place, sites_to_locate
from app.operations.mailbox import take_mail, take_unreadable
from app.operations.notice import Telling
from app.operations.outbox import deliver_due
from app.operations.proposal import due_to_lapse, lapse
from app.operations.quote_sending import ask_again, unanswered_quotes
from app.operations.reminder import due_reminders, postpone_reminder, turn_due
from app.operations.repair import best_offers, note_offer
from app.parts import Parts
from app.providers.geocode_nominatim import GeocoderSilent
from app.providers.mailbox_imap import MailboxSilent

log = structlog.get_logger()

#: So many days are looked at in one transaction. Each takes less than a millisecond, and a tap or a booking for one of
#: them waits until all are done: that must stay below a tenth of a second. Fewer cost a large fleet a fifth more work.
AT_ONCE = 70
#: So many reminders are taken at a tick; the next one takes the rest.
MOST_REMINDERS = 300
#: So many questions that nobody answered are ended at a tick.
MOST_LAPSED = 100


def sweep(parts: Parts, now: datetime, *, zone: tzinfo | None = None) -> int:
    """Look at every technician's day that is due; return how many notices were added. One failing day stops no other.

    `zone` is where local hours are counted, when not in the company's (a recorded day of another city).
    """
    telling = Telling(parts.settings.base_url, zone or parts.settings.zone, parts.channels)
    with parts.db.read() as session:
        due = due_technicians(session, now)
    batches = (due[first : first + AT_ONCE] for first in range(0, len(due), AT_ONCE))
    with _uncollected():
        return sum(_look(parts, batch, telling, now) for batch in batches)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave out the collector of reference cycles for a while.

    A sweep of a large fleet makes and drops hundreds of thousands of rows, none of them in a cycle: looking through
    them in vain took an eighth of it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _look(parts: Parts, technician_ids: Sequence[int], telling: Telling, now: datetime) -> int:
    """Look at several days in one transaction; when that fails, at each in its own, so that one loses no other.

    A day of which somebody else holds a row stays due: the next sweep looks at it, two seconds later.
    """
    try:
        with writing(parts.db, "sweep") as session:
            return look_at_days(session, technician_ids, telling, now)
    except Exception as error:
        if len(technician_ids) > 1:
            log.warning("days that failed together are looked at one by one", error=type(error).__name__)
            return sum(_look(parts, [technician_id], telling, now) for technician_id in technician_ids)
        if held_elsewhere(error):
            log.warning("a day is held by somebody else and stays due", technician_id=technician_ids[0])
            return 0
        log.error("a day could not be looked at", technician_id=technician_ids[0], exc_info=True)
        with writing(parts.db, "postpone") as session:
            postpone_day(session, technician_ids[0], now, type(error).__name__)
        return 0


def deliver(
    parts: Parts, lanes: Lanes | None = None, brake: Brake | None = None, *, zone: tzinfo | None = None
) -> None:
    """Hand over every notice that is due: in lanes beside each other, or without them here, one after another.

    `zone` is where quiet hours are counted, when not in the company's.
    """
    deliver_due(parts.db, parts.channels, parts.clock, zone or parts.settings.zone, lanes, brake)


def climb(parts: Parts, now: datetime) -> None:
    """Send on what was handed over and never confirmed, each in a transaction of its own; see operations.ladder.

    One that fails stops neither the others nor what is to be handed over after it.
    """
    with parts.db.read() as session:
        waiting = unconfirmed(session, now)
    for notice_id in waiting:
        try:
            with writing(parts.db, "climb") as session:
                climb_ladder(session, notice_id, now)
        except SILENT as error:
            if not held_elsewhere(error):
                raise
            log.warning("a notice is held by somebody else and climbs later", notice_id=notice_id)
        except Exception:
            log.error("a notice could not climb", notice_id=notice_id, exc_info=True)
            with writing(parts.db, "postpone_climb") as session:
                postpone_climb(session, notice_id, now)


def remind(parts: Parts, now: datetime) -> int:
    """Turn every reminder that is due into a notice; return how many were dealt with. One that fails stops no other."""
    telling = Telling(parts.settings.base_url, parts.settings.zone, parts.channels)
    with parts.db.read() as session:
        due = due_reminders(session, now, MOST_REMINDERS)
        unanswered, unagreed = unanswered_quotes(session, now), unagreed_soon(session, now)
    batches = (due[first : first + AT_ONCE] for first in range(0, len(due), AT_ONCE))
    told = sum(_remind(parts, batch, telling, now) for batch in batches)
    for visit_id in unagreed:
        with writing(parts.db, "remind") as session:
            call_about_price(session, visit_id, now)
    return told + sum(_ask_again(parts, quote_id, telling, now) for quote_id in unanswered)


def _ask_again(parts: Parts, quote_id: int, telling: Telling, now: datetime) -> int:
    """Ask once more for an answer to a quote; one that fails stops no other, and is tried again at the next tick."""
    try:
        with writing(parts.db, "remind") as session:
            return int(ask_again(session, quote_id, telling, now) is not None)
    except Exception as error:
        if not held_elsewhere(error):
            log.error("a quote could not be asked about again", quote_id=quote_id, exc_info=True)
        return 0


def _remind(parts: Parts, reminder_ids: Sequence[int], telling: Telling, now: datetime) -> int:
    try:
        with writing(parts.db, "remind") as session:
            return turn_due(session, reminder_ids, telling, now)
    except Exception as error:
        if len(reminder_ids) > 1:
            log.warning("reminders that failed together are taken one by one", error=type(error).__name__)
            return sum(_remind(parts, [reminder_id], telling, now) for reminder_id in reminder_ids)
        if held_elsewhere(error):
            log.warning("a reminder is held by somebody else and stays due", reminder_id=reminder_ids[0])
            return 0
        log.error("a reminder could not be told", reminder_id=reminder_ids[0], exc_info=True)
        with writing(parts.db, "postpone_reminder") as session:
            postpone_reminder(session, reminder_ids[0], now)
        return 0


def offer_repairs(parts: Parts, now: datetime) -> None:
    """Call a dispatcher where a late visit can be saved. The search only reads; what is news is written after it."""
    with parts.db.read() as session:
        news = best_offers(session, now, parts.settings.zone)
    for visit_id, facts in sorted(news.items(), key=itemgetter(0)):
        with writing(parts.db, "repairs") as session:
            note_offer(session, visit_id, facts, now)


def lapse_questions(parts: Parts, now: datetime) -> None:
    """Make void what customers were asked and have not answered in time, each in a transaction of its own."""
    with parts.db.read() as session:
        over = due_to_lapse(session, now, MOST_LAPSED)
    for proposal_id in over:
        with writing(parts.db, "lapse") as session:
            lapse(session, proposal_id, now)


def tell_incidents(parts: Parts, now: datetime) -> int:
    """Send the word that is due about each incident that goes on; return about how many. One that fails stops no other.

    Each in a transaction of its own, for one of them concerns thousands.
    """
    telling = Telling(parts.settings.base_url, parts.settings.zone, parts.channels)
    with parts.db.read() as session:
        incidents = to_speak_of(session)
    told = 0
    for incident_id in incidents:
        try:
            with writing(parts.db, "incidents") as session:
                told += speak_due(session, incident_id, telling, now)
        except SILENT as error:
            if not held_elsewhere(error):
                raise
            log.warning("an incident's word waits for what somebody else holds", incident_id=incident_id)
        except Exception:
            log.error("an incident's word could not be written", incident_id=incident_id, exc_info=True)
    return told


def locate(parts: Parts, now: datetime) -> bool:
    """Ask the geocoder for one site that has only an address; return False when it did not answer.

    One a tick: public geocoders allow one question a second. It is asked between two transactions, not inside one.
    """
    with parts.db.read() as session:
        waiting = sites_to_locate(session, now, limit=1)
    for site in waiting:
        try:
            with calling("geocode"):
                place = parts.geocoder.find(site.address, language=site.language)
        except GeocoderSilent as error:
            log.warning("the geocoder did not answer", site_id=site.site_id, error=str(error))
            return False
        with writing(parts.db, "place") as session:
            note_place(session, site.site_id, place, now)
    return True


def read_mailbox(parts: Parts) -> int:
    """Take in what lies unread in the mailbox, each mail in a transaction of its own; return how many were kept.

    A mail is marked as read only after it was kept. Of one that cannot be read the beginning is kept for a person.
    """
    if parts.mailbox is None:
        return 0
    kept = []
    try:
        with calling("mailbox"):
            unread = parts.mailbox.unread()
        for letter in unread:
            try:
                _keep_mail(parts, letter.raw, take_mail)
            except SILENT:
                raise
            except Exception as error:  # its words may hold the mail's
                log.error("a mail could not be read", uid=letter.uid, error=type(error).__name__)
                _keep_mail(parts, letter.raw, take_unreadable)
            kept.append(letter)
        with calling("mark_read"):
            parts.mailbox.mark_read(kept)
    except MailboxSilent as error:
        log.warning("the mailbox could not be read", error=str(error))
    return len(kept)


def _keep_mail(parts: Parts, raw: bytes, take: Callable[[Session, bytes, tzinfo, datetime], None]) -> None:
    with writing(parts.db, "mail") as session:
        take(session, raw, parts.settings.zone, parts.clock.now())
