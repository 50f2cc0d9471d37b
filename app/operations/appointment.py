"""Make, move and call off appointments: the plan changes, and in the same transaction what the customer is told of it.

`operations/booking.py` is the plan; here is the word to the customer. Reminders are booked with the visit and taken
back with it, and so is every notice of it that has not left.

Locks are taken in one order: technicians, the visit, its notices, alarms. The outbox takes a notice and then alarms;
who changes a visit therefore waits for a notice that is being taken just now, and one that is taken after the change
has been committed speaks of the visit as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, TypedDict, Unpack

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.models import Notice, Technician, Visit, VisitEvent
from app.operations.attempt import drop
from app.operations.booking import book_visit, cancel_visit, change_visit, visit_for_change
from app.operations.notice import GONE_OUT, News, Telling, Word, add_notice, note_told, word_of
from app.operations.policy import current_policy
from app.operations.reminder import book_again, book_reminders, reminders_wanted, take_reminders_back
from app.operations.second import check_first
from app.operations.withdrawal import withdraw
from app.rules.messages import ARRIVALS, CHANGES, REMINDERS
from app.rules.visit import GRACE

#: How a customer learns of a change: by a notice; somebody has told her, or she asked for it; not at all.
WAYS = ("send", "told", "no")
#: Whose doing a change of time is; the customer's own wish is confirmed, ours is apologised for.
SIDES = ("customer", "us")
#: What became of the visit makes these old news; what a person wrote, and news of an incident, are not.
_TAKEN_BACK = (*ARRIVALS, *REMINDERS, *CHANGES)
_PLANNED = ("promised_from_at", "promised_until_at", "planned_from_at", "duration_min", "technician_id")
_UNDER_WAY = ("due", "held", "sending", "sent")
_LEAVES = ("due", "held")
LONGEST_WHY = 200
#: A reason that the customer reads stands in one line of a chat.
LONGEST_REASON = 80

Window = tuple[datetime, datetime]


class Booking(TypedDict, total=False):
    """What book_visit takes beside the customer's own."""

    customer_id: int
    site_id: int
    service_id: int
    promised_from_at: datetime
    promised_until_at: datetime
    duration_min: int | None
    technician_id: int | None
    planned_from_at: datetime | None
    note: str
    hold: str | None
    insist: bool
    second_technician_id: int | None
    short_handed: bool


class Changes(TypedDict, total=False):
    """What change_visit takes: what is left out stays."""

    promised_from_at: datetime | None
    promised_until_at: datetime | None
    planned_from_at: datetime | None
    duration_min: int | None
    technician_id: int | None
    unassign: bool
    note: str | None
    second_technician_id: int | None
    alone: bool
    short_handed: bool
    hold: str | None
    insist: bool


@dataclass(frozen=True, slots=True)
class Message:
    """How the customer is to learn of a change.

    `way` is one of WAYS (None: as the company has set); `why`, the office's own reason for it, is kept. `side` is one
    of SIDES (None: nobody said, and the notice does not apologise); `reason` is ours, as she reads it. `asks_price`:
    where it costs more than she accepted, she is asked to agree to that in the same breath.
    """

    telling: Telling
    way: str | None = None
    why: str = ""
    side: str | None = None
    reason: str = ""
    asks_price: bool = False

    @property
    def words(self) -> dict[str, Word]:
        """What its notice says of whose doing it is."""
        ours: dict[str, Word] = {"by_us": True} if self.side == "us" else {}
        return {**ours, "reason": self.reason} if ours and self.reason else ours


def book(
    session: Session, *, zone: tzinfo, now: datetime, actor: str, remind: bool = True, **booking: Unpack[Booking]
) -> Visit:
    """Book a visit with its reminders. Raises what book_visit raises."""
    visit = book_visit(session, now=now, actor=actor, zone=zone, **booking)
    book_reminders(session, visit, zone, now, wanted=remind)
    return visit


def change(
    session: Session,
    visit_id: int,
    message: Message,
    *,
    now: datetime,
    actor: str,
    version: int | None = None,
    **changes: Unpack[Changes],
) -> Visit:
    """Move or reassign a visit, and tell the customer of what she knows otherwise.

    Another time is told; another technician only to who was told of one. What was changed back before she heard of it
    is not told. Raises what change_visit raises, and Invalid for a `way` that there is not.
    """
    _check(message)
    visit = visit_for_change(
        session, visit_id, version, changes.get("technician_id"), changes.get("second_technician_id")
    )
    check_first(visit)
    window, technician_id = _window(visit), visit.technician_id
    waiting = _waiting(session, visit)
    known = _known(waiting) or window
    if _is_replanned(visit, changes):
        withdraw(session, visit_id, now, actor)  # it is free before the new time is looked for
    change_visit(session, visit_id, now=now, actor=actor, version=version, zone=message.telling.zone, **changes)
    moved = _window(visit) != window
    if not moved and visit.technician_id == technician_id:
        return visit
    for notice in waiting:
        drop(session, notice, "moved", now)
    if moved:
        wanted = reminders_wanted(session, visit.id)
        take_reminders_back(session, visit.id, "moved", now)
        book_reminders(session, visit, message.telling.zone, now, wanted=wanted)
    else:
        book_again(session, visit, [one.id for one in waiting if one.kind in REMINDERS], now)
    words: dict[str, Word]
    kind, before = _news(session, visit.id, known, _window(visit), visit.technician_id)
    if kind == "moved":
        words = {"prev_promised": known, **message.words}
        _tell(session, visit, News("moved", "moved", words=words), message, now)
    elif kind == "tech_changed" and before is not None:
        words = {"prev_tech": session.get_one(Technician, before).name}
        _tell(session, visit, News("tech_changed", "tech_changed", words=words), message, now)
    return visit


def told_if(session: Session, visit: Visit, window: Window, technician_id: int | None) -> str | None:
    """Return the kind of the notice that a change to this promise and technician would call for; None: none would."""
    if (window, technician_id) == (_window(visit), visit.technician_id):
        return None
    waiting = session.scalars(_under_way(visit)).all()
    return _news(session, visit.id, _known(waiting) or _window(visit), window, technician_id)[0]


def cancel(
    session: Session,
    visit_id: int,
    message: Message,
    *,
    now: datetime,
    actor: str,
    version: int | None = None,
    reason: str = "",
    agreed: Mapping[str, Any] | None = None,
) -> Visit:
    """Cancel a visit, take back what was to be said of it, and tell the customer that nobody comes.

    What was `agreed` with it stays in the history. Of a visit whose time is long over nothing is told. Raises what
    cancel_visit raises, Invalid for an unknown `way`.
    """
    _check(message)
    visit = visit_for_change(session, visit_id, version)
    check_first(visit)
    waiting = _waiting(session, visit)
    known = _known(waiting)
    withdraw(session, visit_id, now, actor)
    cancel_visit(session, visit_id, now=now, actor=actor, version=version, reason=reason, agreed=agreed)
    for notice in waiting:
        drop(session, notice, "cancelled", now)
    take_reminders_back(session, visit.id, "cancelled", now)
    if now <= visit.promised_until_at + GRACE:
        # Who has not heard yet that the visit was moved knows it by its old time.
        words: dict[str, Word] = {**({"promised": known} if known else {}), **message.words}
        _tell(session, visit, News("cancelled", "cancelled", words=words), message, now)
    return visit


def asked_by(session: Session, visit_id: int) -> str:
    """Return whose doing a change of a visit seems to be: that of a customer who cannot be there, or ours."""
    wish = select(VisitEvent.id).where(VisitEvent.visit_id == visit_id, VisitEvent.kind == "cannot_be_there").limit(1)
    return "us" if session.scalar(wish) is None else "customer"


def is_sent(session: Session, message: Message) -> bool:
    """Return whether a customer is told of a change by us, as somebody chose, else as the company has set."""
    return message.way == "send" or (message.way is None and current_policy(session).tell_changes)


def _check(message: Message) -> None:
    if message.way not in (None, *WAYS):
        raise Invalid.one("tell", "choice", choices=", ".join(WAYS))
    if len(message.why) > LONGEST_WHY:
        raise Invalid.one("tell_why", "too_long", most=LONGEST_WHY)
    if message.side not in (None, *SIDES):
        raise Invalid.one("side", "choice", choices=", ".join(SIDES))
    if len(message.reason) > LONGEST_REASON:
        raise Invalid.one("told_reason", "too_long", most=LONGEST_REASON)
    if not message.reason.isprintable() or set(message.reason) & set("{}"):
        raise Invalid.one("told_reason", "characters")


def _tell(session: Session, visit: Visit, news: News, message: Message, now: datetime) -> None:
    if is_sent(session, message):
        add_notice(session, visit, news, message.telling, now)
    else:
        note_told(session, visit, news, told=message.way == "told", why=message.why, now=now)


def _is_replanned(visit: Visit, changes: Changes) -> bool:
    """Return whether a change gives a visit another promise, plan, length or technician."""
    if changes.get("unassign"):
        return visit.technician_id is not None
    now = {name: getattr(visit, name) for name in _PLANNED}
    return any(changes.get(name) not in (None, value) for name, value in now.items())


def _window(visit: Visit) -> Window:
    return visit.promised_from_at, visit.promised_until_at


def _news(
    session: Session, visit_id: int, known: Window, window: Window, technician_id: int | None
) -> tuple[str | None, int | None]:
    """Return what a customer has to hear who knows of one window, and the technician of whom she was told last."""
    if window != known:
        return "moved", None
    before = _named(session, visit_id)
    return ("tech_changed" if before is not None and technician_id not in (None, before) else None), before


def _known(waiting: Sequence[Notice]) -> Window | None:
    """Return the window that a customer still believes in who has not heard yet that the visit was moved."""
    return next(
        (word_of(one, "prev_promised") for one in waiting if one.kind == "moved" and one.state in _LEAVES), None
    )


def _waiting(session: Session, visit: Visit) -> Sequence[Notice]:
    """Return the visit's notices that have not left; the outbox has taken them before this, or not at all.

    Locked with those that might be sent on by another channel.
    """
    locked = _under_way(visit).with_for_update(of=Notice).execution_options(populate_existing=True)
    return [notice for notice in session.scalars(locked) if notice.state in _LEAVES]


def _under_way(visit: Visit) -> Select[Notice]:
    return (
        select(Notice)
        .where(Notice.visit_id == visit.id, Notice.state.in_(_UNDER_WAY), Notice.kind.in_(_TAKEN_BACK))
        .order_by(Notice.id)
    )


def _named(session: Session, visit_id: int) -> int | None:
    """Return the technician of whom the customer heard last; None when she was told nothing yet."""
    return session.scalar(
        select(Notice.technician_id)
        .where(Notice.visit_id == visit_id, Notice.state.in_(GONE_OUT), Notice.technician_id.is_not(None))
        .order_by(Notice.id.desc())
        .limit(1)
    )
