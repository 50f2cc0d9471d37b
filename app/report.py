"""What did a replayed day look like? One HTML file that needs nothing else: each visit, what was told, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.explain import explain
from app.i18n import day_words, t, time_words, window_words, word
from app.models import Notice
from app.operations.history import History, read_history
from app.replay import Replay

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Told:
    """One notice of a visit, in words."""

    at: str
    kind: str
    window: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One visit: its name in the log, the promise, the arrival as the product learnt of it, and what was told."""

    name: str
    day: str
    promised: str
    arrived: str
    told: Sequence[Told]
    story: Sequence[str]


def day_report(replay: Replay, title: str, locale: str) -> str:
    """Return the page of a replayed day."""
    rows, counts = [], Counter[str]()
    with replay.parts.db.read() as session:
        for name, visit_id in replay.visits.items():
            history = read_history(session, visit_id, replay.clock.now())
            rows.append(_row(name, history, replay, locale))
            counts.update({notice.kind for notice in history.notices})
    summary: Mapping[str, int] = {word("notice_kind.", kind, locale): count for kind, count in counts.most_common()}
    # The day's troubles first: who was told most, then in the order of the log.
    rows.sort(key=lambda row: -len(row.told))
    pages = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    styles = "\n".join((_HERE / "static" / name).read_text(encoding="utf-8") for name in ("tokens.css", "app.css"))
    return pages.get_template("report.html").render(
        title=title,
        locale=locale,
        styles=styles,
        rows=rows,
        summary=summary,
        t=lambda key, **facts: t(key, locale, **facts),
    )


def _row(name: str, history: History, replay: Replay, locale: str) -> Row:
    visit, zone = history.visit, replay.zone or replay.parts.settings.zone

    def told(notice: Notice) -> Told:
        first, last = notice.quoted_from_at, notice.quoted_until_at
        window = window_words(first, last, zone) if first and last else ""
        kind = word("notice_kind.", notice.kind, locale)
        return Told(time_words(notice.created_at, zone), kind, window, notice.short or "")

    return Row(
        name=name,
        day=day_words(visit.promised_from_at.astimezone(zone).date(), locale),
        promised=window_words(visit.promised_from_at, visit.promised_until_at, zone),
        arrived=time_words(visit.arrived_at, zone) if visit.arrived_at else "",
        told=[told(notice) for notice in sorted(history.notices, key=lambda notice: notice.id)],
        story=list(explain(history, locale, zone)),
    )
