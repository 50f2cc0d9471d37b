"""How does one visit look among the hours? A bar of SVG, placed in per cent of the width.

Five hundred of them are drawn for every look, and a template takes longer for it than all the rest. Colours and strokes
are classes of `static/hours.css`; all that is drawn is said in the bar's label, too.

@event-calendar/build 5.10.1 was tried for this (resourceTimelineDay, 60 × 8 visits, strict policy: no violations). The
first picture held the page up for 750 ms, each change of a visit for 240 to 320 ms, as it makes every bar anew and
drops the focus; a bar can be reached by no key, and nothing can be drawn outside of it: no promise, no forecast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property

from markupsafe import Markup, escape

from app.i18n import as_of_words, t, time_words, window_words
from app.operations.board import VisitLine
from app.operations.hours import Bar, Hours
from app.rules.board import STANDINGS

#: One row of bars is so high.
LEVEL_PX = 52
#: What many names begin with and nobody looks for in a short bar.
_COMPANY = "株式会社"
_OTHER_SHAPES = {"no_access": "cancelled", "unassigned": "unknown"}
#: The standing as a class, and the shape that says it beside the colour.
CLASSES = {name: name.replace("_", "-") for name in STANDINGS}
SHAPES = {name: _OTHER_SHAPES.get(name, CLASSES[name]) for name in STANDINGS}


@dataclass
class Bars:
    """Draws the bars of a day's hours for one reader; `offers`: how many remedies there are for a visit in trouble."""

    hours: Hours
    zone: tzinfo
    locale: str
    icons: str
    service_name: Callable[[VisitLine], str]
    offers: Mapping[int | None, int]

    @cached_property
    def _standings(self) -> Mapping[str, str]:
        return {name: t(f"dispatch.standing_{name}", self.locale) for name in STANDINGS}

    @cached_property
    def _comma(self) -> str:
        return t("dispatch.comma", self.locale)

    def __call__(self, bar: Bar) -> Markup:
        """Return one bar: a link with the visit's facts for scripts, the promise, the way, the work, the forecast."""
        line, x = bar.line, self.hours.x
        promised = window_words(line.promised_from_at, line.promised_until_at, self.zone)
        name = escape(line.customer)
        short = escape(line.customer.replace(_COMPANY, "").strip() or line.customer)
        standing = CLASSES[line.standing]
        placed = "" if line.lat is None else f' data-lat="{line.lat}" data-lon="{line.lon}"'
        looks = ("" if line.found else " dim") + (" along" if line.goes_along else "")
        pair = "" if line.pair is None else f' data-pair="{line.pair}"'
        link = (
            f'<g id="v{line.id}" class="bar s-{standing}{looks}" transform="translate(0 {LEVEL_PX * bar.level})">'
            f'<a class="visit" href="/visits/{line.id}" aria-label="{escape(self._label(bar, promised))}"'
            f' data-visit="{line.id}"{placed} data-standing="{standing}" data-name="{name}" data-window="{promised}"'
            f"{pair}{self._carried(line)}>"
        )
        from_x = x(line.promised_from_at)
        wide = self.hours.wide(line.promised_from_at, line.promised_until_at)
        window = (
            f'<rect class="window" x="{from_x}%" y="4" width="{wide}%" height="44" rx="4"/>'
            if line.promised_until_at != line.promised_from_at
            else f'<line class="window" x1="{from_x}%" x2="{from_x}%" y1="3" y2="49"/>'
        )
        leg = ""
        if bar.leg is not None:
            tight = " tight" if bar.leg.tight else ""
            x1, x2 = x(bar.leg.from_at), x(bar.leg.until_at)
            leg = f'<line class="leg{tight}" x1="{x1}%" x2="{x2}%" y1="24" y2="24"/>'
        work = (
            f'<svg class="work" x="{x(bar.work[0])}%" y="12" width="{self.hours.wide(*bar.work)}%" height="24">'
            f'<rect rx="4" width="100%" height="24"/><use class="mark" href="{self.icons}#{SHAPES[line.standing]}"'
            f' x="5" y="5" width="14" height="14"/><text x="23" y="17">{short}</text></svg>'
        )
        mend = (
            f'<svg class="mend" x="{x(bar.work[1])}%" y="12"><circle r="7"/><path d="M-3.5 0h7M0-3.5v7"/></svg>'
            if line.id in self.offers
            else ""
        )
        two = (
            ""
            if line.pair is None
            else f'<svg class="two" x="{x(bar.work[0])}%" y="12"><circle r="8"/><text y="4">2</text></svg>'
        )
        return Markup(f"{link}{window}{leg}{work}{two}{mend}{self._arrival(line)}</a></g>\n")

    def _arrival(self, line: VisitLine) -> str:
        """Return the forecast as a diamond with whiskers from 10 to 90 %."""
        seen = _forecast(line)
        if seen is None:
            return ""
        from_x, until_x = (self.hours.x(at) for at in seen)
        median_x = self.hours.x(line.forecast_median_at or seen[0])
        stale = " stale" if line.forecast_stale else ""
        return (
            f'<g class="arrival{stale}"><line x1="{from_x}%" x2="{until_x}%" y1="43" y2="43"/>'
            f'<svg class="median" x="{median_x}%" y="43"><path d="M0-5.5 5.5 0 0 5.5-5.5 0z"/></svg></g>'
        )

    def _carried(self, line: VisitLine) -> str:
        """Return what is needed to carry a visit elsewhere; nothing for one that is no longer waited for."""
        if not line.awaited:
            return ""
        promised = f"{line.promised_from_at.isoformat()}/{line.promised_until_at.isoformat()}"
        return (
            f' data-version="{line.version}" data-from="{line.planned_from_at.isoformat()}"'
            f' data-until="{line.planned_until_at.isoformat()}" data-promised="{promised}"'
        )

    def _label(self, bar: Bar, promised: str) -> str:
        """Return in words all that the bar shows."""
        line = bar.line
        said = [f"{promised} {line.customer}", self._standings[line.standing], self.service_name(line)]
        if line.awaited and line.planned_from_at != line.promised_from_at:
            said.append(t("dispatch.planned", self.locale, time=time_words(line.planned_from_at, self.zone)))
        seen = _forecast(line)
        if seen is not None and line.forecast_as_of_at is not None:
            window = t("hours.forecast", self.locale, window=window_words(*seen, self.zone))
            said.append(window + as_of_words(line.forecast_as_of_at, self.zone, self.locale))
        if bar.leg is not None and bar.leg.tight:
            said.append(t("hours.tight", self.locale))
        if line.pair is not None:
            said.append(t("hours.along" if line.goes_along else "hours.with", self.locale, technician=line.partner))
        if line.id in self.offers:
            said.append(t("dispatch.offers", self.locale, count=self.offers[line.id]))
        return self._comma.join(said)


def _forecast(line: VisitLine) -> tuple[datetime, datetime] | None:
    """Return the forecast arrival of a visit that is waited for."""
    if not line.awaited or line.forecast_from_at is None or line.forecast_as_of_at is None:
        return None
    return line.forecast_from_at, line.forecast_until_at or line.forecast_from_at
