"""Tell a customer of her quote: once, by her own channels, with the link of her visit's page, which leads to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.i18n import day_words, t, time_words
from app.models import Notice, Quote
from app.operations.notice import News, Telling, add_notice
from app.operations.quote import quote_state
from app.rules.agreed import OPEN_STATES


def send_quote(session: Session, quote_id: int, telling: Telling, *, now: datetime, actor: str) -> Notice:
    """Tell the customer of a quote that she can answer; again, nothing more is sent.

    Raises NotFound, Conflict when it can no longer be accepted, or when no channel reaches her.
    """
    quote = session.get(Quote, quote_id)
    if quote is None:
        raise NotFound("quote")
    state = quote_state(session, quote, now)
    if state not in OPEN_STATES:
        raise Conflict(f"quote_{state}")
    locale = quote.visit.customer.language
    until = quote.expires_at.astimezone(telling.zone)
    said = t(
        "quote.told_after_hours" if quote.after_hours else "quote.told",
        locale,
        when=quote.shown[locale]["when"],
        total=quote.shown[locale]["total"],
        until=f"{day_words(until.date(), locale)} {time_words(until, telling.zone)}",
    )
    facts = {"by": actor, "inbound": None}
    news = News("reply", "answered", facts=facts, words={"words": said}, key=f"quote:{quote.id}")
    notice = add_notice(session, quote.visit, news, telling, now)
    if notice.state in ("held", "failed"):
        raise Conflict("answer_unreachable")
    return notice


def sent_quotes(session: Session, quote_ids: Sequence[int]) -> Mapping[int, datetime]:
    """Return when the customer was told of these quotes; one that nobody sent is left out."""
    keys = {f"quote:{quote_id}": quote_id for quote_id in quote_ids}
    rows = session.execute(select(Notice.dedupe_key, Notice.created_at).where(Notice.dedupe_key.in_(list(keys))))
    return {keys[key]: at for key, at in rows}
