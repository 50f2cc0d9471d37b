"""What is wrong with what somebody typed? Checks that several nouns share: each adds to the problems and goes on."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Collection
from typing import TypeVar

from app.errors import Invalid, Problem

R = TypeVar("R")


def tell(problems: list[Problem], read: Callable[[], R]) -> R | None:
    """Return what is read; add to the problems what is wrong with it, and return None."""
    try:
        return read()
    except Invalid as error:
        problems.extend(error.problems)
        return None


def tell_text(problems: list[Problem], field: str, text: str, most: int) -> str:
    """Return a text without the blanks around it; add to the problems when it is empty, too long or no text."""
    text = text.strip()
    if not text:
        problems.append(Problem(field, "missing"))
    elif any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        problems.append(Problem(field, "characters"))
    elif len(text) > most:
        problems.append(Problem(field, "too_long", {"most": most}))
    return text


def tell_choice(problems: list[Problem], field: str, value: str, choices: Collection[str]) -> None:
    """Add to the problems when a value is none of the choices."""
    if value not in choices:
        problems.append(Problem(field, "choice", {"choices": ", ".join(choices)}))


def tell_position(problems: list[Problem], prefix: str, lat: float | None, lon: float | None) -> None:
    """Add what is wrong with a place on the globe to the problems; both empty is right."""
    if lat is None and lon is None:
        return
    if lat is None or lon is None:
        problems.append(Problem(f"{prefix}{'lat' if lat is None else 'lon'}", "half_position"))
        return
    for name, degrees, most in (("lat", lat, 90), ("lon", lon, 180)):
        if not math.isfinite(degrees) or abs(degrees) > most:
            problems.append(Problem(f"{prefix}{name}", "position"))
