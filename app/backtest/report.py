"""What did past days look like? A backtest's result as it is kept, as a page shows it, and as one HTML file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import TypeAdapter

from app.backtest.plots import Bar, Series, against, bars, columns
from app.explain.pictures import forecast_picture
from app.i18n import day_words, reason_words, t, time_words, window_words, word
from app.rules.backtest import LEADS_MIN, MANY, Case, Cover, Figures, Reliable, Result, Side
from app.rules.lateness import Told
from app.rules.score import Marks
from app.rules.terms import TERMS

_HERE = Path(__file__).parent.parent
_RESULT = TypeAdapter(Result)
#: The styles that the file carries with it.
_STYLES = ("tokens.css", "app.css", "picture.css", "backtest.css")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of marks: what is counted, and its value for each column, with the count behind it."""

    name: str
    hint: str
    cells: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SideShown:
    """One visit under one policy, in words; the picture stands where it shows something new."""

    name: str
    lead: str
    picture: Markup | None
    words: Sequence[tuple[str, str, str, str]]
    thoughts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class CaseShown:
    """One visit that is worth looking at, in words."""

    visit: str
    row: int | None
    day: str
    promised: str
    arrived: str
    delay: str
    why: Sequence[tuple[str, str]]
    sides: Sequence[SideShown]
    knowable: str


def result_as_json(result: Result) -> dict[str, Any]:
    """Return a result as it is kept."""
    kept: dict[str, Any] = _RESULT.dump_python(result, mode="json")
    return kept


def result_of_json(kept: Mapping[str, Any]) -> Result:
    """Return a result that was kept. Raises ValueError when another release kept it otherwise."""
    return _RESULT.validate_json(json.dumps(kept))


def html_report(result: Result, title: str, locale: str) -> str:
    """Return a result as one HTML file that needs nothing else."""
    pages = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    styles = "\n".join((_HERE / "static" / name).read_text(encoding="utf-8") for name in _STYLES)
    return pages.get_template("backtest/report.html").render(
        title=title,
        locale=locale,
        styles=Markup(styles),
        t=lambda key, **facts: t(key, locale, **facts),
        visit_url=None,
        **shown(result, locale),
    )


def shown(result: Result, locale: str) -> dict[str, Any]:
    """Return what the template `backtest/_result.html` needs."""
    names = _names(result, locale)
    return {
        "result": result,
        "in_short": [in_short(side.marks, locale) for side in result.sides],
        "bad": _bad_news(result, locale),
        "heads": ([t("backtest.really", locale)] if result.real else []) + names,
        "rows": mark_rows(_marks(result), locale),
        "changes": [changes(policy, locale) for policy in result.policies],
        "plots": _plots(result, names, locale),
        "days": [_day(day.name, day.sides, day.left_out, locale) for day in result.days],
        "cases": [_case(case, names, locale) for case in result.cases],
        "showed": t("backtest.showed_sum", locale, **asdict(result.showed)) if result.showed.late else "",
        "left_out": _counted("backtest.left_out_", result.left_out, locale),
        "hidden": _counted("backtest.why_", result.hidden, locale),
    }


def table(result: Result, locale: str) -> list[str]:
    """Return the marks as lines of text, a column for each side."""
    heads = ([t("backtest.really", locale)] if result.real else []) + _names(result, locale)
    rows = mark_rows(_marks(result), locale)
    first = max(len(row.name) for row in rows)
    cells = [[f"{value} ({detail})" if detail else value for value, detail in row.cells] for row in rows]
    widths = [max(len(head), *(len(row[i]) for row in cells)) for i, head in enumerate(heads)]

    def line(name: str, values: Sequence[str]) -> str:
        return "  ".join([name.ljust(first), *(value.rjust(w) for value, w in zip(values, widths, strict=True))])

    said = [line("", heads), *(line(row.name, values) for row, values in zip(rows, cells, strict=True))]
    if result.left_out:
        counted = ", ".join(f"{why} {n}" for why, n in _counted("backtest.left_out_", result.left_out, locale))
        said.append(f"{t('backtest.left_out', locale)}: {counted}")
    if len(result.sides) > 1:
        said.append(t("backtest.different_n", locale, n=result.different))
    return said


def share_words(share: float | None, locale: str) -> str:
    """Return a share as per cent, a dash when there was nothing to count."""
    if share is None:
        return "–"
    return t("backtest.percent", locale, value=f"{100 * share:.0f}" if share in (0, 1) else f"{100 * share:.1f}")


def _marks(result: Result) -> list[Marks]:
    return [side.marks for side in ((result.real, *result.sides) if result.real else result.sides)]


def _names(result: Result, locale: str) -> list[str]:
    return [t(f"backtest.side_{place}", locale) for place in range(len(result.sides))]


def in_short(marks: Marks, locale: str) -> str:
    """Return the figures that matter most, as a sentence."""
    if not marks.visits:
        return t("backtest.short_nothing", locale)
    vain = round((marks.false_alarms or 0) * marks.on_time)
    if not marks.late:
        return t("backtest.short_none_late", locale, visits=marks.visits, on_time=marks.on_time, vain=vain)
    return t(
        "backtest.short",
        locale,
        late=marks.late,
        warned=round((marks.warned or 0) * marks.late),
        share=share_words(marks.warned, locale),
        early=round((marks.warned_10_min or 0) * marks.late),
        on_time=marks.on_time,
        vain=vain,
    )


def _bad_news(result: Result, locale: str) -> list[str]:
    """Return what must not be overlooked about the policy in force."""
    marks = result.sides[0].marks
    found = []
    if marks.late and not marks.warned:
        found.append(t("backtest.bad_none_warned", locale, late=marks.late))
    if marks.false_alarms is not None and marks.false_alarms > 0.1:
        found.append(t("backtest.bad_alarms", locale, share=share_words(marks.false_alarms, locale)))
    if marks.kept is not None and marks.kept < 0.6:
        found.append(t("backtest.bad_windows", locale, share=share_words(marks.kept, locale)))
    return found


def mark_rows(marks: Sequence[Marks], locale: str) -> list[Row]:
    """Return the table of marks, a cell for each side."""

    def row(name: str, cell: Any) -> Row:
        return Row(
            t(f"backtest.mark_{name}", locale), t(f"backtest.mark_{name}_hint", locale), [cell(m) for m in marks]
        )

    def of(share: float | None, whole: int) -> tuple[str, str]:
        if share is None:
            return "–", ""
        return share_words(share, locale), t("backtest.of", locale, part=round(share * whole), whole=whole)

    def median(value: float | None) -> str:
        return "" if value is None else t("backtest.median", locale, n=f"{value:.0f}")

    def after_words(marks: Marks) -> str:
        if not marks.after_arrival or marks.after_known is None:
            return ""
        return t("backtest.after_known", locale, n=marks.after_known)

    def minutes(value: float | None) -> tuple[str, str]:
        return ("–" if value is None else t("backtest.min", locale, n=f"{value:.0f}")), ""

    return [
        row("visits", lambda m: (str(m.visits), "")),
        row("late", lambda m: (str(m.late), median(m.delay_min))),
        row("warned", lambda m: of(m.warned, m.late)),
        row("warned_10", lambda m: of(m.warned_10_min, m.late)),
        row("lead", lambda m: minutes(m.lead_min)),
        row("false_alarms", lambda m: of(m.false_alarms, m.on_time)),
        row("messages", lambda m: ("–" if m.messages is None else f"{m.messages:.2f}", "")),
        row("kept", lambda m: of(m.kept, m.quotes)),
        row("width", lambda m: minutes(m.width_min)),
        row("after_arrival", lambda m: (str(m.after_arrival), after_words(m))),
    ]


def changes(policy: Mapping[str, bool | int | float | str], locale: str) -> list[tuple[str, str]]:
    """Return what a policy changes of what the product comes with."""
    return [(_term_words(name, locale), _value_words(name, value, locale)) for name, value in policy.items()]


def _term_words(name: str, locale: str) -> str:
    """Return a parameter as its page names it, under the heading without which it says little."""
    group = word("policy.group_", TERMS[name].group, locale) if name in TERMS else ""
    return t("backtest.term", locale, group=group, name=word("policy.", name, locale))


def _value_words(name: str, value: bool | int | float | str, locale: str) -> str:
    unit = TERMS[name].unit if name in TERMS else ""
    if isinstance(value, bool):
        return t("policy.on" if value else "policy.off", locale)
    shown = value if isinstance(value, str) else f"{100 * value if unit == 'share' else value:g}"
    return t(f"policy.with_{unit}", locale, value=shown) if unit else shown


def _plots(result: Result, names: Sequence[str], locale: str) -> list[Markup]:
    """Return the pictures that have something to show."""

    def series(values: Any) -> list[Series]:
        return [Series(name, values(side)) for name, side in zip(names, result.sides, strict=True)]

    def leads(side: Figures) -> Sequence[int]:
        return side.leads

    found = []
    if any(side.marks.late for side in result.sides):
        labels = [t("backtest.not_in_time", locale), *(f"<{most}" for most in LEADS_MIN), f"{LEADS_MIN[-1]}+"]
        found.append(columns(t("backtest.plot_leads", locale), labels, series(leads), bad=0))
        labels = [*map(str, range(MANY)), f"{MANY}+"]
        found.append(columns(t("backtest.plot_messages", locale), labels, series(lambda side: side.messages)))
    if any(side.marks.quotes for side in result.sides) or result.covers:
        found.append(_windows(result, names, locale))
    for name, said in (("reliable", result.reliable), ("claims", result.claims)):
        if said:
            found.append(_claimed_and_come(name, said, locale))
    return found


def _claimed_and_come(name: str, said: Sequence[Reliable], locale: str) -> Markup:
    words = "; ".join(
        t(
            "backtest.said_words",
            locale,
            n=one.n,
            forecast=share_words(one.forecast, locale),
            came=share_words(one.came, locale),
        )
        for one in said
    )
    axes = t(f"backtest.axis_{name}", locale), t(f"backtest.axis_{name}_came", locale)
    return against(t(f"backtest.plot_{name}", locale), words, [(one.forecast, one.came, one.n) for one in said], axes)


def _windows(result: Result, names: Sequence[str], locale: str) -> Markup:
    """Return how often windows held, those told to customers and those forecast, against what they claim."""
    rows = []
    for name, share, side in zip(names, result.quote_shares, result.sides, strict=True):
        kept = side.marks.kept
        if kept is not None:
            label = t("backtest.told_windows", locale, side=name)
            value = f"{share_words(kept, locale)} ({side.marks.quotes})"
            rows.append(Bar(label, [("within", kept), ("beside", 1 - kept)], share, value))
    for cover in result.covers:
        rows.append(_cover(cover, locale))
    said = "; ".join(f"{row.label}: {row.value}" for row in rows)
    key = [(name, t(f"backtest.key_{name}", locale)) for name in ("within", "before", "after", "beside", "claimed")]
    return bars(t("backtest.plot_windows", locale), said, rows, key)


def _cover(cover: Cover, locale: str) -> Bar:
    n = cover.before + cover.within + cover.after
    parts = [("before", cover.before / n), ("within", cover.within / n), ("after", cover.after / n)]
    label = t("backtest.forecast_ranges", locale, minutes=cover.lead_min)
    return Bar(label, parts, None, f"{share_words(cover.within / n, locale)} ({n})")


def _day(name: str, sides: Sequence[Marks], left_out: Mapping[str, int], locale: str) -> dict[str, Any]:
    return {
        "name": _day_name(name, locale),
        "sides": sides,
        "warned": [share_words(marks.warned, locale) for marks in sides],
        "alarms": [share_words(marks.false_alarms, locale) for marks in sides],
        "left_out": sum(left_out.values()),
    }


def _day_name(name: str, locale: str) -> str:
    """Return a day of one's own as a date, and a day log's name as it is."""
    try:
        return day_words(date.fromisoformat(name), locale)
    except ValueError:
        return name


def _case(case: Case, names: Sequence[str], locale: str) -> CaseShown:
    zone = case.promised_from_at.tzinfo
    assert zone is not None
    late_min = round((case.arrived_at - case.promised_until_at).total_seconds() / 60)
    alike = len(case.sides) > 1 and "different" not in case.why
    return CaseShown(
        visit=case.visit,
        row=case.row,
        day=day_words(case.promised_from_at.date(), locale),
        promised=window_words(case.promised_from_at, case.promised_until_at, zone),
        arrived=time_words(case.arrived_at, zone),
        delay=t("backtest.delay_late" if late_min > 0 else "backtest.delay_early", locale, n=abs(late_min)),
        why=[(why, t(f"backtest.why_{why}", locale)) for why in case.why],
        sides=[
            _side(case, side, t("backtest.both", locale) if alike else name, locale)
            for name, side in zip(names, case.sides[:1] if alike else case.sides, strict=False)
        ],
        knowable=_knowable_words(case, locale),
    )


def _knowable_words(case: Case, locale: str) -> str:
    """Return from when on a careful person could have known, as a sentence; nothing where there was no delay."""
    sign = case.knowable
    if not case.late:
        return ""
    if sign is None:
        return t("backtest.showed_never", locale)
    lead_min = round((case.promised_until_at - sign.at).total_seconds() / 60)
    when = t("backtest.before_end" if lead_min >= 0 else "backtest.after_end", locale, n=abs(lead_min))
    why = t(
        f"backtest.showed_{sign.why}", locale, distance=distance_words(sign.distance_m or 0), left=round(sign.left_min)
    )
    return t("backtest.showed", locale, time=f"{sign.at:%H:%M}", when=when, why=why)


def distance_words(metres: float) -> str:
    """Return a distance as a person says it: 350 m, 2.4 km."""
    return f"{10 * round(metres / 10)} m" if metres < 1000 else f"{metres / 1000:.1f} km"


def _side(case: Case, side: Side, name: str, locale: str) -> SideShown:
    zone = case.promised_from_at.tzinfo
    assert zone is not None
    told = [Told(one.kind, one.at, one.quoted_from_at, one.quoted_until_at) for one in side.words]
    picture = forecast_picture(
        case.points, (case.promised_from_at, case.promised_until_at), told, case.arrived_at, zone, locale
    )
    words = []
    for one in side.words:
        window = (
            window_words(one.quoted_from_at, one.quoted_until_at, zone)
            if one.quoted_from_at and one.quoted_until_at
            else ""
        )
        why = reason_words(one.code, one.facts, locale)
        words.append((time_words(one.at, zone), word("notice_kind.", one.kind, locale), window, why))
    lead = (
        t("backtest.told_before", locale, n=round(side.lead_min))
        if side.lead_min is not None
        else t("backtest.told_never" if not told else "backtest.told_late", locale)
    )
    said = [(time_words(one.at, zone), reason_words(one.code, one.facts, locale)) for one in side.thoughts]
    # The same sentence again is no news: its first time stands.
    thoughts = [next(group) for _, group in groupby(said, key=lambda entry: entry[1])]
    return SideShown(name, lead, picture, words, thoughts)


def _counted(prefix: str, counts: Mapping[str, int], locale: str) -> list[tuple[str, int]]:
    return [(word(prefix, why, locale), n) for why, n in counts.items()]
