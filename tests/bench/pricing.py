"""How many quotes a second does one process work out, and how many does its API answer?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from app import create_app
from app.auth import create_api_token
from app.operations.price_book import STANDARD, kept_book
from app.operations.price_words import explanation
from app.operations.pricing import priced
from app.rules.pricing import Job
from tests.bench.sweep import NOW, database

EXAMPLES = Path("tests/data/pricing/examples.json")
ROUNDS, ASKED = 200, 50


def measure() -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the table: the worked examples over and over, at least 1,000 a second."""
    return ("what", "database", "quotes", "quotes/s", "at least"), _rows()


def _rows() -> Iterator[Sequence[object]]:
    given = [one["given"] for one in json.loads(EXAMPLES.read_text(encoding="utf-8")) if "lines" in one["expect"]]
    book, jobs = kept_book(STANDARD), [_job(wish) for wish in given]
    began_s = time.perf_counter()
    for _ in range(ROUNDS):
        for job in jobs:
            priced(book, job)
    yield "rules", "–", ROUNDS * len(jobs), _rate(ROUNDS * len(jobs), began_s), 1000
    began_s = time.perf_counter()
    for _ in range(ROUNDS // 4):
        for job in jobs:
            for line in priced(book, job).lines:
                explanation(line, book, "ja")
    yield "rules and words", "–", ROUNDS // 4 * len(jobs), _rate(ROUNDS // 4 * len(jobs), began_s), 1000
    for kind in ("sqlite", "postgresql"):
        with database(kind) as parts:
            if parts:
                with parts.db.write() as session:
                    token = create_api_token(session, name="bench", role="dispatcher", now=NOW)
                client, headers = create_app(parts).test_client(), {"Authorization": f"Bearer {token}"}
                began_s = time.perf_counter()
                for _ in range(ASKED):
                    for wish in given:
                        assert client.post("/api/v1/quotes", json=wish, headers=headers).status_code == 200
                yield "API, without a network", kind, ASKED * len(given), _rate(ASKED * len(given), began_s), None


def _rate(quotes: int, began_s: float) -> int:
    return round(quotes / (time.perf_counter() - began_s))


def _job(given: dict[str, Any]) -> Job:
    wish = dict(given)
    wish["start_at"] = datetime.fromisoformat(wish.pop("start"))
    if "promised_until" in wish:
        wish["promised_until_at"] = datetime.fromisoformat(wish.pop("promised_until"))
    return Job(**{**wish, "discount_percent": Fraction(wish.get("discount_percent", 0))})
