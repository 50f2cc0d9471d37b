"""How does an invoice look on paper? A PDF of what was kept, the same bytes whenever it is asked for.

It rests on a paper's kept content alone (operations.invoice_words), and carries the part of its font that it uses.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy, deepcopy
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from fpdf import FPDF
from fpdf.fonts import SubsetMap, TTFFont

FONT = Path(__file__).parent / "fonts/noto-sans-jp@2.004/NotoSansJP-Regular.ttf"
#: What a printer sets for a letter that the font does not have.
NO_LETTER = "〓"
LEFT, RIGHT, TOP, BOTTOM = 20.0, 190.0, 18.0, 272.0
WIDE = RIGHT - LEFT
_INK, _GREY, _RULE = (22, 25, 26), (90, 97, 95), (205, 209, 206)
_MM_PER_PT = 25.4 / 72
#: Words of Latin letters and numbers stay whole; any other letter may end a line.
_UNITS = re.compile(r"[!-~\u00a0-\u024f]+|\s+|.", re.DOTALL)
#: These never begin a line, and those never end one (kinsoku).
_NOT_FIRST = "、。,.・:;?!)]}」』】〉》〕ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々〜円%様"
_NOT_LAST = "([{「『【〈《〔"


class Sheet(FPDF):
    """A page of A4 with the number of the paper and of the page at its foot."""

    def __init__(self, words: Mapping[str, Any], issued_at: datetime) -> None:
        super().__init__(format="A4")
        self.words = words
        self.set_creation_date(issued_at)
        self.set_producer("Mamonaku")
        self.set_title(f"{words['title']} {words['code']}")
        self.set_auto_page_break(False)
        self.set_margins(LEFT, TOP)
        self._font = self.fonts["paper"] = _font()
        self._letters = self._font.cmap
        self._widths: dict[tuple[str, float], float] = {}
        self.c_margin = 0
        self.add_page()

    def feet(self) -> None:
        """Write the foot of every page, now that it is known how many there are."""
        for number in range(1, self.pages_count + 1):
            self.page = number
            page = self.words["page"].replace("{page}", str(number)).replace("{pages}", str(self.pages_count))
            self.say(LEFT, 284, self.words["code"], 8, _GREY)
            self.say(LEFT, 284, page, 8, _GREY, align="R")

    def finished(self) -> bytes:
        """Return the PDF with the part of the font that was used."""
        self._font.ttfont = _outlines(self._font.ttfont, self._font.subset.get_all_glyph_names())
        return bytes(self.output())

    def known(self, text: str) -> str:
        """Return a text in letters that the font has; which form of a letter was chosen is left out."""
        plain = (
            letter for letter in text if not (0xFE00 <= ord(letter) <= 0xFE0F or 0xE0100 <= ord(letter) <= 0xE01EF)
        )
        return "".join(letter if ord(letter) in self._letters else NO_LETTER for letter in plain)

    def say(
        self, x: float, y: float, text: str, size: float, ink: tuple[int, int, int] = _INK, *, align: str = "L"
    ) -> None:
        """Write one line with its upper edge at `y`; to the right it ends at the margin."""
        self.set_font("paper", size=size)
        self.set_text_color(*ink)
        self.set_xy(x, y)
        self.cell(RIGHT - x, size * _MM_PER_PT * 1.5, self.known(text), align=align)

    def lines_of(self, text: str, size: float, wide: float) -> list[str]:
        """Break a text into lines of a width, where a Japanese reader would."""
        self.set_font("paper", size=size)
        return [line for part in self.known(text).split("\n") for line in self._broken(part, wide - 0.2)]

    def _broken(self, text: str, wide: float) -> Iterator[str]:
        line, filled = "", 0.0
        for unit in self._units(text, wide):
            # Letters stand beside each other as wide as each is alone: nothing is measured twice.
            filled += self.wide(unit)
            if line and filled > wide and not unit.isspace():
                keep = line
                if (unit[0] in _NOT_FIRST or line[-1] in _NOT_LAST) and len(line) > 1:
                    keep, unit = line[:-1], line[-1] + unit
                yield keep.rstrip()
                line, filled = unit, self.wide(unit)
            else:
                line += unit
        yield line.rstrip()

    def _units(self, text: str, wide: float) -> Iterator[str]:
        for unit in _UNITS.findall(text):
            # What is longer than a line is broken anywhere.
            yield from unit if self.wide(unit) > wide else [unit]

    def wide(self, text: str) -> float:
        """Return how wide a text is in the size that is set; measured once, for the same words come again and again."""
        key = text, self.font_size_pt
        if key not in self._widths:
            self._widths[key] = self.get_string_width(text)
        return self._widths[key]

    def paragraph(
        self, x: float, y: float, text: str, size: float, wide: float, ink: tuple[int, int, int] = _INK
    ) -> float:
        """Write a text in lines of a width; return where it ends."""
        for line in self.lines_of(text, size, wide):
            self.say(x, y, line, size, ink)
            y += high_of(size)
        return y

    def rule(self, x: float, y: float, ink: tuple[int, int, int] = _RULE, thick: float = 0.2) -> None:
        """Draw a line from `x` to the right margin."""
        self.set_draw_color(*ink)
        self.set_line_width(thick)
        self.line(x, y, RIGHT, y)

    def room(self, y: float, needed: float) -> float:
        """Return where `needed` millimetres find room: here, or at the top of a new page."""
        if y + needed <= BOTTOM:
            return y
        self.add_page()
        return TOP


def paper_pdf(content: Mapping[str, Any], locale: str) -> bytes:
    """Return a paper as a PDF in one of its languages."""
    words = content[locale]
    sheet = Sheet(words, datetime.fromisoformat(content["numbers"]["issued_at"]))
    sheet.set_lang(locale)
    y = _head(sheet, words)
    y = _facts(sheet, words["facts"], y)
    if words["lines"]:
        y = _table(sheet, words, y + 4)
    y = _sums(sheet, words["sums"], y + 2)
    for note in words["notes"]:
        lines = sheet.lines_of(note, 9, WIDE)
        y = sheet.room(y + 2, len(lines) * high_of(9))
        y = sheet.paragraph(LEFT, y, note, 9, WIDE)
    sheet.feet()
    return sheet.finished()


@cache
def _font_read() -> TTFFont:
    """Return the font as it was read once, which takes four times as long as to write a paper with it.

    Left out is what only other writing systems than ours need: no paper carries it.
    """
    reader = FPDF()
    reader.add_font("paper", "", FONT)
    font = reader.fonts["paper"]
    assert isinstance(font, TTFFont)
    whole = font.ttfont
    for tag in ("GDEF", "GPOS", "GSUB"):
        del whole[tag]
    for tag in whole.keys():  # noqa: SIM118 (a font is no mapping)
        whole[tag]  # reads it
    whole.close()
    whole.reader = None
    # It stays for good, like all that is loaded before the first request (app/server.py): looking through its 17,000
    # letters for what can be thrown away took 50 ms now and then.
    gc.collect()
    gc.freeze()
    return font


def _font() -> TTFFont:
    """Return the font for one paper, which notes in it what it has used."""
    font = copy(_font_read())
    font.desc, font.missing_glyphs = copy(font.desc), []
    font.subset = SubsetMap(font)
    return font


def _outlines(whole: Any, used: Sequence[str]) -> Any:
    """Return a copy of a font's tables to cut the letters out that are `used`: whoever cuts changes them.

    What is only looked up, or replaced as a whole, is not copied: it is as large as the font.
    """
    glyphs = whole["glyf"].glyphs
    own: set[str] = set()
    more = {*whole.getGlyphOrder()[:4], *used}  # the first four go into every font
    while more:  # and so does what letters are made of
        own |= more
        more = {part for name in more for part in glyphs[name].getComponentNames(whole["glyf"])} - own
    shared = [whole.getGlyphOrder(), whole.getReverseGlyphMap(), whole["loca"].locations]
    shared += [whole[tag].metrics for tag in ("hmtx", "vmtx")]
    made = {id(one): one for one in shared}
    made |= {id(part): copy(part) for part in whole["cmap"].tables}
    made[id(glyphs)] = {**glyphs, **{name: copy(glyphs[name]) for name in own}}
    return deepcopy(whole, made)


def high_of(size: float) -> float:
    """Return how high a line of letters of so many points is, in millimetres."""
    return size * _MM_PER_PT * 1.5


def _head(sheet: Sheet, words: Mapping[str, Any]) -> float:
    """Write the title, for whom, by whom, and the amount."""
    sheet.say(LEFT, TOP, words["title"], 20)
    if words["qualified"] and words["qualified"] != words["title"]:
        sheet.say(LEFT, TOP + 3, words["qualified"], 9, _GREY, align="R")
    left, right = TOP + 20, TOP + 20
    left = sheet.paragraph(LEFT, left, words["to"], 13, 88)
    sheet.set_draw_color(*_INK)
    sheet.set_line_width(0.2)
    sheet.line(LEFT, left + 1, LEFT + 88, left + 1)
    left = sheet.paragraph(LEFT, left + 5, words["lead"], 9, 88)
    for number, line in enumerate(words["from"]):
        size = 9 if number else 11
        right = sheet.paragraph(122, right, line, size, RIGHT - 122)
    y = max(left, right) + 5
    sheet.set_fill_color(242, 243, 242)
    sheet.rect(LEFT, y, WIDE, 14, style="F")
    sheet.say(LEFT + 4, y + 4.2, words["total_label"], 10, _GREY)
    sheet.say(LEFT + 46, y + 2.2, words["total"], 18)
    sheet.set_font("paper", size=18)
    beside = LEFT + 49 + sheet.get_string_width(sheet.known(words["total"]))
    sheet.say(beside, y + 5.2, words["with_tax"], 9, _GREY)
    return y + 19


def _facts(sheet: Sheet, facts: Sequence[Sequence[str]], y: float) -> float:
    for label, said in facts:
        sheet.say(LEFT, y, label, 9, _GREY)
        y = sheet.paragraph(LEFT + 42, y, said, 9, WIDE - 42) + 0.8
    return y


def _table(sheet: Sheet, words: Mapping[str, Any], y: float) -> float:
    y = _columns(sheet, words["columns"], sheet.room(y, 30))
    for line in words["lines"]:
        name, why = sheet.lines_of(line["name"], 10, 128), sheet.lines_of(line["why"], 8, 128) if line["why"] else []
        high = len(name) * high_of(10) + len(why) * high_of(8) + 3
        if y + high > BOTTOM:
            sheet.add_page()
            y = _columns(sheet, words["columns"], TOP)
        sheet.say(LEFT + 130, y + 1.2, line["amount"], 10, align="R")
        at = sheet.paragraph(LEFT, y + 1.2, line["name"], 10, 128)
        if why:
            sheet.paragraph(LEFT, at, line["why"], 8, 128, _GREY)
        y += high
        sheet.rule(LEFT, y)
    return y


def _columns(sheet: Sheet, columns: Sequence[str], y: float) -> float:
    sheet.say(LEFT, y, columns[0], 9, _GREY)
    sheet.say(LEFT, y, columns[1], 9, _GREY, align="R")
    sheet.rule(LEFT, y + 6, _INK, 0.3)
    return y + 6.2


def _sums(sheet: Sheet, rows: Sequence[Sequence[str]], y: float) -> float:
    """Write the sums together on one page; the last one stands out."""
    y = sheet.room(y, len(rows) * 6.5 + 6)
    for number, (label, amount) in enumerate(rows):
        last = number == len(rows) - 1
        if last:
            sheet.rule(LEFT + 75, y + 0.8, _INK, 0.3)
            y += 1.6
        size = 12 if last else 9.5
        sheet.say(LEFT + 75, y, label, size, _INK if last else _GREY)
        sheet.say(LEFT + 75, y, amount, size, align="R")
        y += high_of(size) + 1
    return y + 3
