"""Is this what a finger drew? A signature as the path of a small picture, and nothing else."""

from __future__ import annotations

import re

#: The picture's own size; the page stretches it.
WIDE, HIGH = 600, 200
#: A long signature has some hundred points; more is no signature.
LONGEST = 12_000
#: Less than this, in the picture's units, is a touch by mistake.
LEAST_INK = 60.0
_PATH = re.compile(r"(?:M\d{1,3} \d{1,3}(?:L\d{1,3} \d{1,3})*)+", re.ASCII)
_STEP = re.compile(r"([ML])(\d+) (\d+)", re.ASCII)


def read_drawn(sent: str) -> str | None:
    """Return a drawn signature as it is kept: strokes of straight lines within the picture; None when it is none.

    >>> read_drawn("M10 10L90 40"), read_drawn("M10 10L12 10"), read_drawn("M0 0L601 0"), read_drawn("<svg>")
    ('M10 10L90 40', None, None, None)
    """
    if len(sent) > LONGEST or not _PATH.fullmatch(sent):
        return None
    ink, last = 0.0, (0, 0)
    for letter, x, y in _STEP.findall(sent):
        point = int(x), int(y)
        if point[0] > WIDE or point[1] > HIGH:
            return None
        if letter == "L":
            ink += ((point[0] - last[0]) ** 2 + (point[1] - last[1]) ** 2) ** 0.5
        last = point
    return sent if ink >= LEAST_INK else None
