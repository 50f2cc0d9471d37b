"""How does the document of what was agreed on site look on paper? A PDF of what was kept, the same whenever asked for.

The law wants letters of 8 points or more, and the right to withdraw in red within a red frame.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from app.i18n import long_day_words, t, time_words
from app.models import Quote, QuoteAnswer
from app.paper import BOTTOM, LEFT, TOP, WIDE, Sheet, high_of
from app.rules.drawn import HIGH as DRAWN_HIGH
from app.rules.drawn import WIDE as DRAWN_WIDE

#: Points; the law wants 8.
_SIZE = 9.0
_WHY_SIZE = 8.0
_RED, _GREY, _INK = (190, 20, 30), (90, 97, 95), (22, 25, 26)
_PAD = 3.0
_STEP = re.compile(r"([ML])(\d+) (\d+)", re.ASCII)


def agreement_pdf(quote: Quote, said: QuoteAnswer | None, locale: str, zone: tzinfo) -> bytes:
    """Return the document of a quote for work added on site, with who accepted it, when, and what she drew."""
    words = quote.shown[locale]
    document = words["document"]
    code = t("onsite.document_number", locale, number=quote.id)
    page = t("invoice.page", locale, page="{page}", pages="{pages}")
    bullet = "・" if locale == "ja" else "• "
    made_at = said.at if said is not None else quote.created_at
    sheet = Sheet({"title": document["title"], "code": code, "page": page}, made_at)
    sheet.set_lang(locale)
    y = sheet.paragraph(LEFT, TOP, document["title"], 16, WIDE) + 2
    y = _framed(sheet, y, [document["read_well"]]) + 3
    y = sheet.paragraph(LEFT, y, t(f"invoice.to_{addressed(quote)}", locale, name=words["customer"]), 11, WIDE) + 1
    y = sheet.paragraph(LEFT, y, document["lead"], _SIZE, WIDE) + 2
    y = _facts(sheet, document["facts"], y) + 2
    y = _lines(sheet, words, y, locale) + 3
    if document["cooling"]:
        cooling = document["cooling"]
        y = _framed(sheet, y, [cooling["title"], *(bullet + one for one in cooling["items"]), cooling["to"]]) + 3
        y = _told(sheet, y, cooling["outside"])
    if document["exempt"]:
        y = _told(sheet, y, document["exempt"])
    for term in words["terms"]:
        y = _told(sheet, y, bullet + term)
    if said is not None:
        _accepted(sheet, y + 3, said, locale, zone)
    sheet.feet()
    return sheet.finished()


def addressed(quote: Quote) -> str:
    """Return whom the document is addressed to, as its right to withdraw was judged: individual or corporate."""
    return "corporate" if quote.shown["ja"]["document"]["right"] == "business" else "individual"


def accepted_words(said: QuoteAnswer, locale: str, zone: tzinfo) -> str:
    """Return who accepted and when, in one sentence."""
    at: datetime = said.at.astimezone(zone)
    when = f"{long_day_words(at.date(), locale)} {time_words(at, zone)}"
    return t("onsite.accepted", locale, name=said.name, when=when, link=said.link)


def _told(sheet: Sheet, y: float, text: str) -> float:
    y = sheet.room(y, len(sheet.lines_of(text, _SIZE, WIDE)) * high_of(_SIZE))
    return sheet.paragraph(LEFT, y, text, _SIZE, WIDE) + 1.2


def _framed(sheet: Sheet, y: float, parts: Sequence[str]) -> float:
    """Write paragraphs in red within a red frame, on one page."""
    wide = WIDE - 2 * _PAD
    tall = sum(len(sheet.lines_of(part, _SIZE, wide)) * high_of(_SIZE) + 0.8 for part in parts) - 0.8 + 2 * _PAD
    y = sheet.room(y, tall)
    sheet.set_draw_color(*_RED)
    sheet.set_line_width(0.5)
    sheet.rect(LEFT, y, WIDE, tall)
    at = y + _PAD
    for part in parts:
        at = sheet.paragraph(LEFT + _PAD, at, part, _SIZE, wide, _RED) + 0.8
    return y + tall


def _facts(sheet: Sheet, facts: Sequence[Sequence[str]], y: float) -> float:
    for label, told in facts:
        tall = max(len(sheet.lines_of(told, _SIZE, WIDE - 52)), len(sheet.lines_of(label, _SIZE, 50))) * high_of(_SIZE)
        y = sheet.room(y, tall)
        sheet.paragraph(LEFT, y, label, _SIZE, 50, _GREY)
        sheet.paragraph(LEFT + 52, y, told, _SIZE, WIDE - 52)
        y += tall + 0.8
    return y


def _lines(sheet: Sheet, words: Mapping[str, Any], y: float, locale: str) -> float:
    rows = [(line["name"], line["why"], line["amount"]) for line in words["lines"]]
    for name, why, amount in rows:
        told = sheet.lines_of(name, _SIZE, 128) + (sheet.lines_of(why, _WHY_SIZE, 128) if why else [])
        y = sheet.room(y, len(told) * high_of(_SIZE) + 1.6)
        sheet.say(LEFT + 130, y + 0.8, amount, _SIZE, align="R")
        y = sheet.paragraph(LEFT, y + 0.8, name, _SIZE, 128)
        if why:
            y = sheet.paragraph(LEFT, y, why, _WHY_SIZE, 128, _GREY)
        y += 0.8
        sheet.rule(LEFT, y)
    sums = [(t("quote.subtotal", locale), words["subtotal"])]
    sums += [(tax["name"], tax["amount"]) for tax in words["taxes"]]
    y = sheet.room(y, 6 * len(sums) + 8)
    for name, amount in sums:
        sheet.say(LEFT + 75, y + 0.8, name, _SIZE, _GREY)
        sheet.say(LEFT + 75, y + 0.8, amount, _SIZE, align="R")
        y += 5.5
    sheet.rule(LEFT + 75, y + 0.8, _INK)
    sheet.say(LEFT + 75, y + 1.6, t("quote.total", locale), 11)
    sheet.say(LEFT + 75, y + 1.6, words["total"], 11, align="R")
    y += 8
    return y


def _accepted(sheet: Sheet, y: float, said: QuoteAnswer, locale: str, zone: tzinfo) -> None:
    words = accepted_words(said, locale, zone)
    if said.signature:
        words += f"\n{t('onsite.drawn', locale)}: {said.signature}"
    y = sheet.room(y, len(sheet.lines_of(words, _SIZE, WIDE)) * high_of(_SIZE) + (28 if said.drawn else 6))
    y = sheet.paragraph(LEFT, y, words, _SIZE, WIDE)
    if not said.drawn:
        return
    scale = 66.0 / DRAWN_WIDE
    sheet.set_draw_color(*_INK)
    sheet.set_line_width(0.4)
    last = (0.0, 0.0)
    for letter, across, down in _STEP.findall(said.drawn):
        point = LEFT + int(across) * scale, y + 2 + int(down) * scale
        if letter == "L":
            sheet.line(*last, *point)
        last = point
    sheet.rule(LEFT, min(y + 3 + DRAWN_HIGH * scale, BOTTOM + 6))
