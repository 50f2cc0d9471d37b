"""Is a paper the same whichever papers were written before it, and the same as with a font that nobody has used?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from fpdf import FPDF

from app import paper
from tests.bench.paper import content


def _papers():
    """Letters that are made of others, that stand in another plane, and that the font does not have."""
    papers = [(content(lines, locale), locale) for lines, locale in ((2, "ja"), (1, "en"), (3, "ja"))]
    for (one, locale), name in zip(papers, ("髙橋 𠮷野 ①", "Zoë Müller", "é ｶﾞ 🙂"), strict=True):
        one[locale]["to"] = name
    return papers


def test_a_paper_is_the_same_as_with_a_font_that_was_read_for_it_alone(monkeypatch):
    written = [paper.paper_pdf(*one) for one in _papers()]

    def read_anew():
        reader = FPDF()
        reader.add_font("paper", "", paper.FONT)
        return reader.fonts["paper"]

    monkeypatch.setattr(paper, "_font", read_anew)
    monkeypatch.setattr(paper, "_outlines", lambda whole, _used: whole)
    assert [paper.paper_pdf(*one) for one in _papers()] == written
    assert len(set(written)) == 3


def test_papers_that_are_written_at_once_are_the_same_as_one_after_another():
    papers = _papers()
    alone = [paper.paper_pdf(*one) for one in papers]
    with ThreadPoolExecutor(3) as people:
        assert list(people.map(lambda one: paper.paper_pdf(*one), papers * 3)) == alone * 3
