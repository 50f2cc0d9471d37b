"""Why was this customer told, or not told? A visit's history in lines of text, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from app.i18n import day_words, reason_words, t, time_words, window_words, word
from app.models import DecisionEntry, Notice, NoticeAttempt, Receipt, VisitEvent
from app.operations.history import History, Moment


def explain(history: History, locale: str, zone: tzinfo) -> Iterator[str]:
    """Yield the lines: the promise, what is known now, then every event, decision, notice, attempt and receipt."""
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
    if visit.forecast_from_at and visit.forecast_until_at:
        as_of = visit.forecast_as_of_at
        yield t(
            "explain.forecast",
            locale,
            window=window_words(visit.forecast_from_at, visit.forecast_until_at, zone),
            percent=round(100 * (visit.late_probability or 0)),
            basis=word("forecast.basis_", visit.forecast_basis or "", locale),
            as_of=time_words(as_of, zone) if as_of else "–",
        )
    for moment in reversed(history.moments):
        yield f"{moment.at.astimezone(zone):%m-%d %H:%M:%S}  {_line(moment, history, locale)}"


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
