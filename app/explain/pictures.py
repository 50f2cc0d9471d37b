"""What did we expect when, what did we say, and what happened? One visit's forecasts as a picture.

Across goes the time of day, up goes the time of arrival. So a technician who is stuck climbs along the edge of what
has passed already, and who comes nearer goes level towards it. Inline SVG without script or style: colours and strokes
are classes of `static/picture.css`, and everything that is drawn is said in words beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Protocol, TypeVar

from markupsafe import Markup

from app.i18n import t, time_words, window_words, word
from app.operations.history import History
from app.rules.lateness import Told
from app.rules.messages import UNSETTLING
from app.rules.visit import AWAITED, GRACE

#: The time before the promise (or the first word) that is shown.
SHOWN_BEFORE = timedelta(hours=3)
#: Whiskers longer than this beyond everything else are cut off, so that they do not flatten the rest.
SHOWN_BEYOND = timedelta(minutes=45)
#: From this likelihood on a delay is "known".
KNOWN_SHARE = 0.5
#: Rows of the table in words; a long history is thinned to them.
MOST_ROWS = 40

# The picture in pixels down and per cent across: the middle stretches with the page, letters do not.
_LEFT, _RIGHT = 13.0, 98.0
_TOP, _PLOT, _STRIP_GAP, _STRIP, _FOOT = 26, 200, 8, 16, 20
_HEIGHT = _TOP + _PLOT + _STRIP_GAP + _STRIP + _FOOT
#: The plot is never narrower than this, on a desk about so wide, and a letter takes so much: words that do not fit into
#: the strip are left out.
_NARROWEST_PX, _WIDE_PX, _LETTER_PX = 250.0, 470.0, {"ja": 12.0, "en": 6.6}
_STEPS_MIN = (5, 10, 15, 30, 60, 120, 240, 480)
_MOST_TICKS = 6


class Expected(Protocol):
    """One forecast: made `at`, arrival between `from_at` and `until_at` (10–90 %), in the middle `median_at`."""

    @property
    def at(self) -> datetime: ...
    @property
    def from_at(self) -> datetime: ...
    @property
    def median_at(self) -> datetime: ...
    @property
    def until_at(self) -> datetime: ...
    @property
    def late_probability(self) -> float: ...
    @property
    def basis(self) -> str: ...
    @property
    def state(self) -> str: ...


Dated = TypeVar("Dated", Expected, Told)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is in sight: moments across, arrivals up."""

    begins_at: datetime
    ends_at: datetime
    low_at: datetime
    high_at: datetime

    def x(self, at: datetime) -> float:
        """Return how far across a moment is, 0–1000."""
        return 1000 * max(0.0, min(1.0, (at - self.begins_at) / (self.ends_at - self.begins_at)))

    def y(self, at: datetime) -> float:
        """Return how far down an arrival is, 0–1000."""
        return 1000 * max(0.0, min(1.0, (self.high_at - at) / (self.high_at - self.low_at)))

    def across(self, at: datetime) -> str:
        """Return the same in per cent of the whole picture."""
        return f"{_LEFT + (_RIGHT - _LEFT) * self.x(at) / 1000:.2f}%"

    def down(self, at: datetime) -> float:
        """Return the same in pixels of the whole picture."""
        return round(_TOP + _PLOT * self.y(at) / 1000, 1)


def forecast_picture(
    points: Sequence[Expected],
    promised: tuple[datetime, datetime],
    told: Sequence[Told],
    arrived_at: datetime | None,
    zone: tzinfo,
    locale: str,
    *,
    now: datetime | None = None,
) -> Markup:
    """Return a figure: forecasts over time against the promise, what was said when, the arrival, and what he was doing.

    `points` and `told` in the order of time; `now` is drawn while nobody has arrived. Without a point the figure says
    so. The page needs `static/picture.css`.
    """
    told = [one for one in told if arrived_at is None or one.at <= arrived_at]
    answers = _answers(points, promised, told, arrived_at, zone, locale)
    if not points:
        return Markup('<figure class="forecast-picture">{}<p class="quiet">{}</p></figure>').format(
            answers, t("picture.no_points", locale)
        )
    frame = _frame(points, promised, told, arrived_at, now)
    shown = _in_sight(points, frame)
    # A forecast holds until the next one, or until the arrival that ends them all.
    over_at = arrived_at or now or frame.ends_at
    drawn = Markup("").join(
        (
            *_ticks(frame, zone),
            Markup(
                '<svg x="{}%" y="{}" width="{}%" height="{}" viewBox="0 0 1000 1000" preserveAspectRatio="none">'
                "{}</svg>"
            ).format(_LEFT, _TOP, _RIGHT - _LEFT, _PLOT, _plot(shown, promised, told, arrived_at, frame, over_at)),
            *_labels(promised, told, arrived_at, now, frame, zone, locale),
            *_strip(shown, over_at, frame, zone, locale),
        )
    )
    svg = Markup('<svg role="img" width="100%" height="{}"><title>{}</title><desc>{}</desc>{}</svg>').format(
        _HEIGHT, t("picture.title", locale), t("picture.axes", locale), drawn
    )
    return Markup('<figure class="forecast-picture">{}{}{}{}</figure>').format(
        answers, svg, _legend(told, locale), _in_words(points, told, zone, locale)
    )


def visit_picture(history: History, zone: tzinfo, locale: str) -> Markup:
    """Return the figure of a visit's history."""
    visit = history.visit
    return forecast_picture(
        history.forecasts,
        (visit.promised_from_at, visit.promised_until_at),
        history.told,
        visit.arrived_at,
        zone,
        locale,
        now=history.read_at if visit.status in AWAITED else None,
    )


def _answers(
    points: Sequence[Expected],
    promised: tuple[datetime, datetime],
    told: Sequence[Told],
    arrived_at: datetime | None,
    zone: tzinfo,
    locale: str,
) -> Markup:
    """Return the three answers: when we knew, when we said it, and what happened."""
    known = next((point for point in points if point.late_probability >= KNOWN_SHARE), None)
    knew = t("picture.never_late" if arrived_at else "picture.not_late", locale)
    if known is not None:
        lead = _against(known.at, promised[1], locale, "known")
        knew = t("picture.knew", locale, time=time_words(known.at, zone), lead=lead)
    elif not points:
        knew = t("picture.nothing_known", locale)
    said = t("picture.nothing_said", locale)
    first = next((one for one in told if one.kind in UNSETTLING), next(iter(told), None))
    if first is not None:
        lead = _against(first.at, promised[1], locale, "known")
        kind = word("notice_kind.", first.kind, locale)
        said = t("picture.said", locale, time=time_words(first.at, zone), lead=lead, kind=kind)
    happened = t("picture.not_there", locale)
    if arrived_at is not None:
        how = _against(arrived_at, promised[1], locale, "came") if arrived_at > promised[1] + GRACE else ""
        key = "came_late" if how else "came_in_time"
        happened = t(f"picture.{key}", locale, time=time_words(arrived_at, zone), lead=how)
    rows = Markup("").join(
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(t(f"picture.{name}", locale), value)
        for name, value in (("head_knew", knew), ("head_said", said), ("head_happened", happened))
    )
    return Markup('<dl class="answers">{}</dl>').format(rows)


def _against(at: datetime, promised_until_at: datetime, locale: str, what: str) -> str:
    # Of the minutes as they are shown, so that nobody who calculates finds another difference.
    minutes = int(at.timestamp() // 60 - promised_until_at.timestamp() // 60)
    return t(f"picture.{what}_{'after' if minutes > 0 else 'before'}", locale, minutes=abs(minutes))


def _frame(
    points: Sequence[Expected],
    promised: tuple[datetime, datetime],
    told: Sequence[Told],
    arrived_at: datetime | None,
    now: datetime | None,
) -> _Frame:
    """Return what is in sight: from a while before the promise to the end of the matter."""
    early_at = min([promised[0], *(one.at for one in told)]) - SHOWN_BEFORE
    begins_at = max(min(points[0].at, promised[0] - timedelta(minutes=30)), early_at)
    ends_at = max(promised[1], arrived_at or max(now or points[-1].at, points[-1].at))
    seen = _in_sight(points, _Frame(begins_at, ends_at, begins_at, ends_at))
    core = [*promised, *(point.median_at for point in seen)]
    core += [at for one in told for at in (one.quoted_from_at, one.quoted_until_at) if at]
    core += [arrived_at] if arrived_at else []
    low_at = max(min(core + [point.from_at for point in seen]), min(core) - SHOWN_BEYOND)
    high_at = min(max(core + [point.until_at for point in seen]), max(core) + SHOWN_BEYOND)
    room = max((high_at - low_at) * 0.08, timedelta(minutes=5))
    return _Frame(begins_at, ends_at + (ends_at - begins_at) * 0.03, low_at - room, high_at + room)


def _in_sight(points: Sequence[Expected], frame: _Frame) -> Sequence[Expected]:
    """Return the points from the beginning on, with the one that held when it began."""
    before = [point for point in points if point.at <= frame.begins_at]
    after = [point for point in points if frame.begins_at < point.at <= frame.ends_at]
    return [*before[-1:], *after] or points[-1:]


def _plot(
    points: Sequence[Expected],
    promised: tuple[datetime, datetime],
    told: Sequence[Told],
    arrived_at: datetime | None,
    frame: _Frame,
    over_at: datetime,
) -> Markup:
    """Return everything that stretches with the page."""

    def step(value: Callable[[Expected], datetime]) -> list[tuple[float, float]]:
        corners: list[tuple[float, float]] = []
        for point, until_at in _held(points, over_at):
            corners += [(frame.x(point.at), frame.y(value(point))), (frame.x(until_at), frame.y(value(point)))]
        return corners

    past = [
        (frame.x(at), frame.y(at)) for at in (max(frame.begins_at, frame.low_at), min(frame.ends_at, frame.high_at))
    ]
    parts = []
    if frame.low_at < frame.ends_at and frame.begins_at < frame.high_at:
        parts.append(_shape("past", [*past, (1000, past[-1][1]), (1000, 1000), (past[0][0], 1000)]))
    top, bottom = frame.y(promised[1]), frame.y(promised[0])
    parts.append(_box("promise", 0, top, 1000, bottom))
    parts.append(_line("promise-end", [(0, top), (1000, top)]))
    for one, until_at in _held(told, arrived_at or frame.ends_at):
        if one.quoted_from_at and one.quoted_until_at:
            left, right = frame.x(one.at), frame.x(until_at)
            high, low = frame.y(one.quoted_until_at), frame.y(one.quoted_from_at)
            parts.append(_box("quoted", left, high, right, low))
            parts.append(_line("quoted-edge", [(right, high), (left, high), (left, low), (right, low)]))
    fan = [*step(lambda point: point.until_at), *reversed(step(lambda point: point.from_at))]
    parts += [_shape("fan", fan), _line("median", step(lambda point: point.median_at))]
    if arrived_at is not None:
        parts.append(_line("arrived", [(0, frame.y(arrived_at)), (frame.x(arrived_at), frame.y(arrived_at))]))
    return Markup("").join(parts)


def _held(things: Sequence[Dated], over_at: datetime) -> Iterator[tuple[Dated, datetime]]:
    """Yield each forecast or word with the moment until which it was the newest."""
    for one, following in pairwise(things):
        yield one, following.at
    if things:
        yield things[-1], max(over_at, things[-1].at)


def _labels(
    promised: tuple[datetime, datetime],
    told: Sequence[Told],
    arrived_at: datetime | None,
    now: datetime | None,
    frame: _Frame,
    zone: tzinfo,
    locale: str,
) -> Iterator[Markup]:
    """Yield the words and marks in the picture, which keep their size."""
    promise = t("picture.promised", locale, window=window_words(*promised, zone))
    below = arrived_at is not None and arrived_at > promised[1]
    at = frame.down(promised[0]) + 14 if below and promised[0] == promised[1] else frame.down(promised[1]) - 5
    yield _text("promise-word", f"{_LEFT + 1}%", at, promise, "start")
    for number, one in enumerate(told, 1):
        x = frame.across(one.at)
        yield Markup('<line class="told-line" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(x, _TOP - 6, _TOP + _PLOT)
        yield Markup('<circle class="told-mark" cx="{}" cy="{}" r="9"/>').format(x, _TOP - 14)
        yield _text("told-number", x, _TOP - 10, str(number), "middle")
    if arrived_at is not None:
        x, y = frame.across(arrived_at), frame.down(arrived_at)
        yield Markup('<circle class="arrived-mark" cx="{}" cy="{}" r="4.5"/>').format(x, y)
        words = t("picture.arrived", locale, time=time_words(arrived_at, zone))
        yield _text("arrived-word", x, y - 9 if y > _TOP + 20 else y + 18, words, "end")
    elif now is not None and frame.begins_at <= now <= frame.ends_at:
        x = frame.across(now)
        yield Markup('<line class="now" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(x, _TOP, _TOP + _PLOT)
        # At the foot, where nothing is: above are the marks of what was said, and the forecasts.
        words, right = t("picture.now", locale, time=time_words(now, zone)), frame.x(now) > 500
        yield _text("now-word", x, _TOP + _PLOT - 6, words, "end" if right else "start", -4 if right else 4)


def _ticks(frame: _Frame, zone: tzinfo) -> Iterator[Markup]:
    """Yield the hours on both sides, with a line across for each arrival time."""
    for at in _full_times(frame.low_at, frame.high_at, zone):
        y = frame.down(at)
        yield Markup('<line class="grid" x1="{}%" x2="{}%" y1="{y}" y2="{y}"/>').format(_LEFT, _RIGHT, y=y)
        yield _text("tick", f"{_LEFT - 1}%", y + 4, time_words(at, zone), "end")
    for at in _full_times(frame.begins_at, frame.ends_at, zone):
        yield _text("tick", frame.across(at), _HEIGHT - 4, time_words(at, zone), "middle")


def _full_times(from_at: datetime, until_at: datetime, zone: tzinfo) -> Sequence[datetime]:
    """Return at most six full local times in between, as far apart as that needs."""
    span_min = (until_at - from_at).total_seconds() / 60
    step_s = 60 * next((step for step in _STEPS_MIN if span_min / step <= _MOST_TICKS), 1440)
    shift_s = (from_at.astimezone(zone).utcoffset() or timedelta()).total_seconds()
    first_at = from_at + timedelta(seconds=-(from_at.timestamp() + shift_s) % step_s)
    count = int((until_at - first_at).total_seconds() // step_s) + 1
    return [first_at + timedelta(seconds=step_s * n) for n in range(max(count, 0))][:_MOST_TICKS]


def _strip(points: Sequence[Expected], over_at: datetime, frame: _Frame, zone: tzinfo, locale: str) -> Iterator[Markup]:
    """Yield what the technician was doing: one bar for each state, with its word where there is room for it."""
    y = _TOP + _PLOT + _STRIP_GAP
    spans: list[tuple[str, datetime, datetime]] = []
    for point, until_at in _held(points, over_at):
        if spans and spans[-1][0] == point.state:
            spans[-1] = (point.state, spans[-1][1], until_at)
        else:
            spans.append((point.state, point.at, until_at))
    for state, from_at, until_at in spans:
        left, share = frame.x(from_at) / 1000, (frame.x(until_at) - frame.x(from_at)) / 1000
        words = _state_words(state, locale)
        yield Markup(
            '<rect class="doing d-{}" x="{:.2f}%" y="{}" width="{:.2f}%" height="{}"><title>{} {}</title></rect>'
        ).format(
            state, _LEFT + (_RIGHT - _LEFT) * left, y, (_RIGHT - _LEFT) * share, _STRIP,
            window_words(from_at, until_at, zone), words,
        )  # fmt: skip
        middle, long_px = left + share / 2, len(words) * _LETTER_PX.get(locale, 12.0) + 6
        if share * _WIDE_PX > long_px:
            name = f"doing-word w-{state}" + (" roomy" if share * _NARROWEST_PX < long_px else "")
            yield _text(name, f"{_LEFT + (_RIGHT - _LEFT) * middle:.2f}%", y + _STRIP - 4, words, "middle")


def _state_words(state: str, locale: str) -> str:
    """Return what he is doing, as seen from a visit that is still awaited: at a site is at another one."""
    return t("picture.state_elsewhere", locale) if state == "at_site" else word("forecast.state_", state, locale)


def _legend(told: Sequence[Told], locale: str) -> Markup:
    names = ["median", "fan", "promise", *(["quoted"] if any(one.quoted_from_at for one in told) else []), "past"]
    return Markup('<ul class="legend" aria-hidden="true">{}</ul>').format(
        Markup("").join(
            Markup('<li><i class="{}"></i>{}</li>').format(name, t(f"picture.legend_{name}", locale)) for name in names
        )
    )


def _in_words(points: Sequence[Expected], told: Sequence[Told], zone: tzinfo, locale: str) -> Markup:
    """Return what was said as a numbered list, and the forecasts as a table that opens."""
    said = Markup("").join(
        Markup('<li><span class="told-chip">{}</span>{} {} {}</li>').format(
            number,
            time_words(one.at, zone),
            word("notice_kind.", one.kind, locale),
            window_words(one.quoted_from_at, one.quoted_until_at, zone)
            if one.quoted_from_at and one.quoted_until_at
            else "",
        )
        for number, one in enumerate(told, 1)
    )
    heads = Markup("").join(
        Markup('<th scope="col">{}</th>').format(t(f"picture.{name}", locale))
        for name in ("col_at", "col_expected", "col_range", "col_late", "col_why")
    )
    rows = Markup("").join(
        Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{} %</td><td>{}</td></tr>").format(
            time_words(point.at, zone),
            time_words(point.median_at, zone),
            window_words(point.from_at, point.until_at, zone),
            round(100 * point.late_probability),
            f"{word('forecast.basis_', point.basis, locale)} · {_state_words(point.state, locale)}",
        )
        for point in _thinned(points)
    )
    listed = Markup('<ol class="told-list">{}</ol>').format(said) if told else Markup("")
    return listed + Markup(
        '<details class="small"><summary>{}</summary><div class="table-scroll" tabindex="0"><table>'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></details>"
    ).format(t("picture.in_words", locale, n=len(points)), heads, rows)


def _thinned(points: Sequence[Expected]) -> Sequence[Expected]:
    """Return at most MOST_ROWS points, evenly picked, the first and the last among them."""
    if len(points) <= MOST_ROWS:
        return points
    return [points[round(n * (len(points) - 1) / (MOST_ROWS - 1))] for n in range(MOST_ROWS)]


def _corners(corners: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def _shape(name: str, corners: Iterable[tuple[float, float]]) -> Markup:
    return Markup('<polygon class="{}" points="{}"/>').format(name, _corners(corners))


def _line(name: str, corners: Iterable[tuple[float, float]]) -> Markup:
    return Markup('<polyline class="{}" points="{}"/>').format(name, _corners(corners))


def _box(name: str, left: float, top: float, right: float, bottom: float) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        name, left, top, max(right - left, 0.0), max(bottom - top, 0.0)
    )


def _text(name: str, x: str, y: float, words: str, anchor: str, beside: int = 0) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" dx="{}" text-anchor="{}">{}</text>').format(
        name, x, y, beside, anchor, words
    )
