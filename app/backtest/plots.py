"""How do figures look? Columns, a comparison of claimed and come, and bars of shares, as inline SVG.

Without script and style: colours are classes of `static/backtest.css`. Everything that is drawn is said in the
description, so that nobody needs the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

#: The picture in its own units; the page stretches it. Small enough for letters to be read on a phone.
_WIDTH, _HEIGHT = 340, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 8, 20, 30


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values, by its name."""

    name: str
    values: Sequence[int]


def columns(title: str, labels: Sequence[str], series: Sequence[Series], *, bad: int | None = None) -> Markup:
    """Return counts as columns beside each other; `bad` is the place of a label that nobody wants to see filled."""
    most = max([1, *(value for one in series for value in one.values)])
    room = (_WIDTH - _LEFT - _RIGHT) / len(labels)
    wide = min(0.8 * room / len(series), 26.0)
    floor, tall = _HEIGHT - _BOTTOM, _HEIGHT - _BOTTOM - _TOP
    drawn = [_line("axis", _LEFT, floor, _WIDTH - _RIGHT, floor)]
    for place, label in enumerate(labels):
        middle = _LEFT + room * (place + 0.5)
        drawn.append(_text("tick", middle, floor + 14, label))
        for number, one in enumerate(series):
            value = one.values[place]
            left = middle + wide * (number - len(series) / 2)
            high = tall * value / most
            classes = f"s{number} bad" if place == bad else f"s{number}"
            if value:
                drawn.append(_rect(classes, left + 0.5, floor - high, wide - 1, high))
                drawn.append(_text("value", left + wide / 2, floor - high - 4, str(value)))
    said = "; ".join(
        f"{one.name}: " + ", ".join(f"{label} {value}" for label, value in zip(labels, one.values, strict=True))
        for one in series
    )
    return _figure(title, said, drawn, [(f"s{i}", one.name) for i, one in enumerate(series)] if len(series) > 1 else [])


def against(title: str, said: str, points: Sequence[tuple[float, float, int]], axes: tuple[str, str]) -> Markup:
    """Return claimed shares (across) against those that came (up): on the line both are the same.

    `points` are claimed, came, and how many stand behind it, which is the size of the dot.
    """
    floor, tall, long = _HEIGHT - _BOTTOM, _HEIGHT - _BOTTOM - _TOP, _WIDTH - _LEFT - _RIGHT
    drawn = [_line("axis", _LEFT, floor, _WIDTH - _RIGHT, floor), _line("axis", _LEFT, _TOP, _LEFT, floor)]
    for share, name in ((0.0, "tick"), (0.5, "tick"), (1.0, "tick end")):
        drawn.append(_text(name, _LEFT + long * share, floor + 13, f"{share:.0%}"))
        drawn.append(_text("tick end", _LEFT - 4, floor - tall * share + 4, f"{share:.0%}"))
    drawn.append(_line("ideal", _LEFT, floor, _LEFT + long, _TOP))
    most = max([1, *(n for _, _, n in points)])
    for claimed, came, n in points:
        drawn.append(
            Markup('<circle class="s0" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>').format(
                _LEFT + long * claimed, floor - tall * came, 3 + 6 * (n / most) ** 0.5
            )
        )
    drawn += [_text("axis-word", _LEFT + long / 2, _HEIGHT - 3, axes[0]), _text("axis-word start", _LEFT, 12, axes[1])]
    return _figure(title, said, drawn, [])


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, its parts (class, share from 0 to 1), and where the mark of what is claimed stands."""

    label: str
    parts: Sequence[tuple[str, float]]
    claimed: float | None
    value: str


def bars(title: str, said: str, rows: Sequence[Bar], key: Sequence[tuple[str, str]]) -> Markup:
    """Return shares as bars from left to right, each with its label above."""
    step, high = 38, 16
    long = _WIDTH - 2 * _RIGHT
    drawn: list[Markup] = []
    for number, row in enumerate(rows):
        top = 4 + step * number
        drawn.append(_text("tick start", _RIGHT, top + 10, row.label))
        drawn.append(_text("value end", _WIDTH - _RIGHT, top + 10, row.value))
        left = float(_RIGHT)
        for name, share in row.parts:
            drawn.append(_rect(name, left, top + 15, long * share, high))
            left += long * share
        drawn.append(_rect("outline", _RIGHT, top + 15, long, high))
        if row.claimed is not None:
            at = _RIGHT + long * row.claimed
            drawn.append(_line("claimed", at, top + 12, at, top + 18 + high))
    return _figure(title, said, drawn, key, height=step * max(len(rows), 1) + 4)


def _figure(
    title: str, said: str, drawn: Sequence[Markup], key: Sequence[tuple[str, str]], height: int = _HEIGHT
) -> Markup:
    legend = Markup("").join(Markup('<li><i class="{}"></i>{}</li>').format(name, word) for name, word in key)
    return Markup(
        '<figure class="plot"><figcaption>{}</figcaption>'
        '<svg role="img" viewBox="0 0 {} {}"><title>{}</title><desc>{}</desc>{}</svg>{}</figure>'
    ).format(
        title,
        _WIDTH,
        height,
        title,
        said,
        Markup("").join(drawn),
        Markup('<ul class="key">{}</ul>').format(legend) if key else "",
    )


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(name, x1, y1, x2, y2)


def _rect(name: str, x: float, y: float, width: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        name, x, y, max(width, 0.0), height
    )


def _text(name: str, x: float, y: float, words: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(name, x, y, words)
