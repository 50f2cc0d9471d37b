"""How long does a PDF of an invoice take, once the first was made?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from app.paper import paper_pdf

ASKED = 30


def measure() -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the table: one page and three, in milliseconds; at most 300 each after the first."""
    return ("lines", "language", "first_ms", "p50_ms", "most_ms", "at most", "bytes"), _rows()


def _rows() -> Iterator[Sequence[object]]:
    for lines in (5, 40):
        for locale in ("ja", "en"):
            took, size = [], 0
            for _ in range(ASKED + 1):
                began_s = time.perf_counter()
                size = len(paper_pdf(content(lines, locale), locale))
                took.append(1000 * (time.perf_counter() - began_s))
            after = sorted(took[1:])
            yield lines, locale, round(took[0]), round(after[ASKED // 2]), round(after[-1]), 300, size


def content(lines: int, locale: str) -> dict[str, Any]:
    """Return the kept content of an invoice of so many lines."""
    name = "部材 LANケーブル カテゴリー6A" if locale == "ja" else "Part: LAN cable, category 6A"
    line = {"code": "part:cable", "name": name, "why": "2×800円", "amount": "1,600円"}
    words = {
        "title": "請求書",
        "qualified": "適格請求書",
        "code": "I-2026-00001",
        "to": "山田 花子 様",
        "from": ["アオバPCサポート", "東京都千代田区1-1", "03-1234-5678", "登録番号 T7000012050002"],
        "lead": "下記のとおりご請求申し上げます。",
        "total_label": "ご請求金額",
        "total": "21,975円",
        "with_tax": "(税込)",
        "facts": [["番号", "I-2026-00001"], ["発行日", "2026年11月24日"], ["作業内容", "Wi-Fi設定"]],
        "columns": ["内容", "金額"],
        "lines": [line] * lines,
        "sums": [["小計(税抜)", "19,978円"], ["消費税(10%)", "1,997円"], ["合計(税込)", "21,975円"]],
        "notes": ["お振込先 青葉銀行 中央支店 普通 1234567"],
        "page": "{page} / {pages}",
    }
    return {locale: words, "numbers": {"issued_at": "2026-11-24T11:00:00+00:00"}}
