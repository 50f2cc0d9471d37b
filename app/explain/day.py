"""What was decided for everybody on a day, or for one technician's visits, and why? In lines, or as one page.

The page is one HTML file that needs nothing else: each visit with its answer, its picture and its history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, tzinfo
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.explain.pictures import visit_picture
from app.explain.visit import answer, story
from app.i18n import day_words, t, time_words, window_words, word
from app.models import CurrentPosition, Technician
from app.operations.board import Lane, read_board
from app.operations.history import History, read_history
from app.operations.technician_state import Doing, read_doings

_HERE = Path(__file__).parent.parent
#: What a page carries with it, so that it needs nothing else.
STYLES = ("tokens.css", "app.css", "picture.css")


def explain_day(session: Session, on: date, zone: tzinfo, now: datetime, locale: str) -> Iterator[str]:
    """Yield a line for each visit of a local day, technician by technician, with what was decided and why."""
    lanes = read_board(session, on, zone, now).lanes
    if not lanes:
        yield t("explain.no_visits", locale, day=day_words(on, locale))
    for lane in lanes:
        yield lane.name or t("dispatch.unassigned", locale)
        yield from _lane_lines(session, lane, zone, now, locale)


def explain_technician(session: Session, technician_id: int, zone: tzinfo, now: datetime, locale: str) -> Iterator[str]:
    """Yield what a technician is doing, since when and how we know, and a line for each visit of today.

    Raises NotFound.
    """
    technician = session.get(Technician, technician_id)
    if technician is None:
        raise NotFound("technician")
    doing = read_doings(session, [technician_id], now).get(technician_id)
    position = session.get(CurrentPosition, technician_id)
    yield f"{technician.name}: {_doing_words(doing, zone, locale) if doing else t('explain.not_watched', locale)}"
    seen = time_words(position.fixed_at, zone) if position else t("explain.never_seen", locale)
    yield t("explain.last_position", locale, time=seen)
    for lane in read_board(session, now.astimezone(zone).date(), zone, now, technician_id=technician_id).lanes:
        yield from _lane_lines(session, lane, zone, now, locale)


def explain_page(histories: Sequence[History], title: str, zone: tzinfo, locale: str) -> str:
    """Return visits with their answers, pictures and histories as one page."""
    pages = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    return pages.get_template("explain.html").render(
        title=title,
        locale=locale,
        styles="\n".join((_HERE / "static" / name).read_text(encoding="utf-8") for name in STYLES),
        told=t("explain.history", locale),
        nothing=t("explain.none", locale),
        visits=[
            {
                "name": _name(history, zone, locale),
                "answer": answer(history, locale, zone),
                "picture": visit_picture(history, zone, locale),
                "story": "\n".join(story(history, locale, zone)),
            }
            for history in histories
        ],
    )


def histories_of_day(session: Session, on: date, zone: tzinfo, now: datetime) -> Sequence[History]:
    """Return the histories of a local day's visits, technician by technician."""
    lanes = read_board(session, on, zone, now).lanes
    return [read_history(session, line.id, now) for lane in lanes for line in lane.visits]


def page_title(history: History, zone: tzinfo, locale: str) -> str:
    """Return what a page about one visit is called."""
    day = day_words(history.visit.promised_from_at.astimezone(zone).date(), locale)
    return t("explain.page_title", locale, id=history.visit.id, day=day)


def _lane_lines(session: Session, lane: Lane, zone: tzinfo, now: datetime, locale: str) -> Iterator[str]:
    for line in lane.visits:
        history = read_history(session, line.id, now)
        yield f"  {_name(history, zone, locale)}"
        yield f"    {answer(history, locale, zone)}"


def _name(history: History, zone: tzinfo, locale: str) -> str:
    visit = history.visit
    return t(
        "explain.visit",
        locale,
        id=visit.id,
        window=window_words(visit.promised_from_at, visit.promised_until_at, zone),
        customer=visit.customer.name,
        standing=word("dispatch.standing_", history.standing, locale),
    )


def _doing_words(doing: Doing, zone: tzinfo, locale: str) -> str:
    since = ""
    if doing.since_at is not None:
        time = time_words(doing.since_at, zone)
        key = "for_minutes" if doing.minutes else "since"
        since = " " + t(f"forecast.{key}", locale, time=time, minutes=doing.minutes)
    why = f" · {word('forecast.why_', doing.why, locale)}" if doing.why else ""
    return f"{'? ' if doing.stale else ''}{word('forecast.state_', doing.state, locale)}{since}{why}"
