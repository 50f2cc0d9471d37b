"""Why was this customer told, or not told? The answer in a sentence, and a visit's history in lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

from app.i18n import day_words, reason_words, t, time_words, window_words, word
from app.models import DecisionEntry, Notice, NoticeAttempt, Receipt, Reminder, VisitEvent
from app.operations.history import History, Moment
from app.operations.lateness import RULE_FAILED
from app.operations.turn import FIRST_LOOK_BEFORE
from app.rules.messages import ARRIVALS, HANDED_OVER
from app.rules.quiet import HUSHED
from app.rules.visit import AWAITED


def explain(history: History, locale: str, zone: tzinfo) -> Iterator[str]:
    """Yield the lines: the promise, what is known now, the answer, and the story."""
    visit = history.visit
    day = day_words(visit.promised_from_at.astimezone(zone).date(), locale)
    window = window_words(visit.promised_from_at, visit.promised_until_at, zone)
    yield t(
        "explain.promise",
        locale,
        id=visit.id,
        day=day,
        window=window,
        standing=word("dispatch.standing_", history.standing, locale),
    )
    if visit.forecast_from_at and visit.forecast_until_at and visit.status in AWAITED:
        as_of = visit.forecast_as_of_at
        yield t(
            "explain.forecast",
            locale,
            window=window_words(visit.forecast_from_at, visit.forecast_until_at, zone),
            percent=round(100 * (visit.late_probability or 0)),
            basis=word("forecast.basis_", visit.forecast_basis or "", locale),
            as_of=time_words(as_of, zone) if as_of else "–",
        )
    yield answer(history, locale, zone)
    for reminder in history.reminders:
        yield _reminder_line(reminder, history, locale, zone)
    yield from story(history, locale, zone)


def story(history: History, locale: str, zone: tzinfo) -> Iterator[str]:
    """Yield a line for every event, decision, notice, attempt and receipt, oldest first."""
    for moment in reversed(history.moments):
        yield f"{moment.at.astimezone(zone):%m-%d %H:%M:%S}  {_line(moment, history, locale)}"


def answer(history: History, locale: str, zone: tzinfo) -> str:
    """Return what was decided for this customer, and why, in a sentence or two; every visit has an answer."""
    visit = history.visit
    arrivals = [notice for notice in history.notices if notice.kind in ARRIVALS]
    if arrivals:
        notice = arrivals[-1]
        told = "told" if notice.state in HANDED_OVER else "not_handed_over"
        state, quoted = word("notice_state.", notice.state, locale), ""
        if notice.state_reason:
            state = f"{state}, {word('visit.why_', notice.state_reason.split(':')[0], locale)}"
        if notice.quoted_from_at and notice.quoted_until_at:
            window = window_words(notice.quoted_from_at, notice.quoted_until_at, zone)
            quoted = t("explain.quoted", locale, window=window)
        return t(
            f"explain.{told}",
            locale,
            time=_moment_words(notice.sent_at or notice.created_at, history, locale, zone),
            kind=word("notice_kind.", notice.kind, locale),
            quoted=quoted,
            state=state,
            reason=reason_words(notice.reason_code, notice.reason_facts, locale),
        )
    if visit.status == "cancelled":
        return t("explain.cancelled", locale)
    if history.decisions:
        decision = history.decisions[-1]
        awaited = "hushed" if decision.reason_code in HUSHED else "waiting"
        return t(
            f"explain.{awaited}" if visit.status in AWAITED else "explain.not_needed",
            locale,
            time=_moment_words(decision.at, history, locale, zone),
            reason=reason_words(decision.reason_code, decision.reason_facts, locale),
        )
    return _never_decided(history, locale, zone)


def _reminder_line(reminder: Reminder, history: History, locale: str, zone: tzinfo) -> str:
    """Return one reminder: when it is due, and what became of it."""
    due = t("explain.when_leaving", locale)
    if reminder.due_at is not None:
        due = _moment_words(reminder.due_at, history, locale, zone)
    state = word("visit.reminder_", reminder.state, locale)
    if reminder.state_reason:
        state = f"{state}, {word('visit.why_', reminder.state_reason, locale)}"
    return t("explain.reminder", locale, kind=word("notice_kind.", reminder.kind, locale), due=due, state=state)


def _never_decided(history: History, locale: str, zone: tzinfo) -> str:
    """Return why a visit was never decided about."""
    visit = history.visit
    begins_at = visit.planned_from_at - FIRST_LOOK_BEFORE
    if visit.status not in AWAITED:
        why = "over_before"
    elif visit.technician_id is None:
        why = "unassigned"
    elif visit.site.lat is None:
        why = "not_located"
    elif visit.decided_reason == RULE_FAILED:
        why = "rule_failed"
    elif history.read_at < begins_at:
        why = "not_due"
    else:
        why = "not_looked_at"
    return t(f"explain.{why}", locale, time=_moment_words(begins_at, history, locale, zone))


def _moment_words(at: datetime, history: History, locale: str, zone: tzinfo) -> str:
    """Return a time of day, with its date when that is not the promise's."""
    on = at.astimezone(zone).date()
    same = on == history.visit.promised_from_at.astimezone(zone).date()
    return time_words(at, zone) if same else f"{day_words(on, locale)} {time_words(at, zone)}"


def _line(moment: Moment, history: History, locale: str) -> str:
    match moment.entry:
        case VisitEvent() as event:
            kind, _, _number = event.actor.partition(":")
            who = history.names.get(event.actor) or word("history.actor_", kind, locale)
            return f"{word('history.event_', event.kind, locale)} ({who})"
        case DecisionEntry() as decision:
            said = reason_words(decision.reason_code, decision.reason_facts, locale)
            if decision.kind:
                kind = word("notice_kind.", decision.kind, locale)
                return f"{t('history.decided', locale, kind=kind)} {said}"
            return said
        case Notice() as notice:
            words = t("history.notice_made", locale, kind=word("notice_kind.", notice.kind, locale))
            state = word("notice_state.", notice.state, locale)
            reason = f", {notice.state_reason}" if notice.state_reason else ""
            return f"{words} [{state}{reason}] {notice.short or ''}".rstrip()
        case NoticeAttempt() as attempt:
            channel = word("history.channel_", attempt.channel, locale)
            outcome = word("history.outcome_", attempt.outcome or "none", locale)
            return f"{t('history.attempt', locale, channel=channel)}: {outcome} {attempt.error or ''}".rstrip()
        case Receipt() as receipt:
            return f"{t('history.receipt', locale)}: {word('history.receipt_', receipt.status, locale)}"
