"""Are past days told again as they were told, are two policies compared, and does a result survive being kept?"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.backtest.days import EmptyDay, Veil, load_own_day, log_day, own_days
from app.backtest.play import run_backtest
from app.backtest.report import result_as_json, result_of_json
from app.cli import main
from app.replay import Replay, notice_line, read_day_log
from app.rules.backtest import Showed
from app.rules.policy import Policy
from app.rules.visit import GRACE

STORY = Path(__file__).parent.parent / "data" / "days" / "the-last-200-metres.jsonl"
STORY_ON = date(2026, 11, 24)
#: Speaks so late that the story's customer is told nothing in time.
DEAF = replace(
    Policy(), last_share=0.99, likely_share=0.99, driving_share=0.99, working_share=0.99, sure_share=0.999,
    standing_share=0.99, held_share=0.99, persist_s=300.0, persist_early_s=900.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def company():
    """A company on which the story's day has fallen, through the operations of production."""
    told = []
    replay = Replay.open()
    replay.play(read_day_log(STORY), lambda notice: told.append(notice_line(notice, "1", UTC)))
    yield replay, told
    replay.close()


@pytest.fixture(scope="module")
def compared():
    shares: list[float] = []
    return run_backtest([log_day(STORY)], 1, [Policy(), DEAF], shares.append), shares


def test_a_day_of_ones_own_is_told_again_as_it_was_told(company):
    replay, told = company
    day = load_own_day(replay.parts, STORY_ON, replay.clock.now())
    again = Replay.open(own_rows=True)
    again.zone = day.zone
    notices = []
    again.play(day.lines(), lambda notice: notices.append(notice_line(notice, "1", UTC)), day.until_at)
    again.close()

    def decided(lines):
        return [(n["t"], n["message"], n["quoted_from"], n["quoted_until"], n["reason"], n["facts"]) for n in lines]

    assert decided(notices) == decided(told)
    assert decided(told)


def test_what_was_really_told_stands_beside_what_would_have_been(company):
    replay, _ = company
    now = replay.clock.now()
    assert own_days(replay.parts, STORY_ON, STORY_ON, now) == [STORY_ON]
    result = run_backtest([load_own_day(replay.parts, STORY_ON, now)], 1, [Policy()], lambda _: None)
    assert result.own
    assert result.real is not None
    assert (result.real.marks.warned, result.real.marks.messages) == (1.0, 1.0)
    assert result.sides[0] == result.real
    assert result.refused == ()


def test_a_day_without_an_arrival_counts_nothing_and_says_why(company, tmp_path):
    lines = [line for line in STORY.read_text(encoding="utf-8").splitlines() if '"truth"' not in line]
    day = tmp_path / "day.jsonl"
    day.write_text("\n".join(lines), encoding="utf-8")
    result = run_backtest([log_day(day)], 1, [Policy()], lambda _: None)
    assert (result.sides[0].marks.visits, result.left_out) == (0, {"unknown": 1})


def test_an_edited_policy_is_compared_visit_by_visit(compared):
    result, _ = compared
    usual, deaf = result.sides
    assert (usual.marks.warned, deaf.marks.warned, result.different) == (1.0, 0.0, 1)
    (case,) = result.cases
    assert case.why[0] == "missed"
    assert "different" in case.why
    assert [side.wrong[:1] for side in case.sides] == [(), ("missed",)]
    assert case.sides[0].lead_min is not None
    assert case.arrived_at - case.promised_until_at > GRACE
    assert case.points[0].at < case.promised_from_at
    assert all(thought.code for side in case.sides for thought in side.thoughts)
    assert case.knowable is not None
    assert (case.knowable.why, 10 <= (case.promised_until_at - case.knowable.at).seconds / 60 <= 25) == ("creeps", True)
    assert result.showed == Showed(late=1, before=1, early=1)
    assert result.policies[0] == {}
    assert result.policies[1]["last_share"] == 0.99


def test_progress_only_goes_up_to_the_whole(compared):
    _, shares = compared
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_a_result_is_the_same_after_it_was_kept(compared):
    result, _ = compared
    assert result_of_json(json.loads(json.dumps(result_as_json(result)))) == result


def test_what_progress_raises_ends_the_run():
    def stop(_share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_backtest([log_day(STORY)], 1, [Policy()], stop)


def test_an_empty_day_log_is_named(tmp_path):
    day = tmp_path / "nothing.jsonl"
    day.write_text("", encoding="utf-8")
    with pytest.raises(EmptyDay, match=r"nothing\.jsonl"):
        log_day(day)


def test_times_of_a_case_are_those_of_the_day(compared):
    result, _ = compared
    assert result.cases[0].promised_until_at == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert result.cases[0].promised_until_at.hour == 17


def test_a_day_that_leaves_the_house_names_nobody_and_no_place(company, tmp_path):
    replay, _ = company
    day = load_own_day(replay.parts, STORY_ON, replay.clock.now())
    lines = list(Veil().lines(day))
    (tmp_path / "veiled.jsonl").write_text("\n".join(lines), encoding="utf-8")
    veiled = log_day(tmp_path / "veiled.jsonl")
    assert len(veiled.truth) == 1
    assert {line.kind for line in veiled.lines()} == {"visit", "fix", "status", "truth"}
    places = {(line.fields["lat"], line.fields["lon"]) for line in day.lines() if "lat" in line.fields}
    assert not places & {(line.fields["lat"], line.fields["lon"]) for line in veiled.lines() if "lat" in line.fields}
    # It is told as the real day was: only names and longitudes are others.
    marks = [run_backtest([one], 1, [Policy()], lambda _: None).sides[0].marks for one in (day, veiled)]
    assert marks[0] == marks[1]


def test_a_position_that_came_in_late_could_not_be_known_when_it_was_measured(tmp_path):
    """All of the story's positions come in at once, two minutes before five."""
    lines = [json.loads(line) for line in STORY.read_text(encoding="utf-8").splitlines()]
    batch, others = [], []
    for line in lines:
        hidden = line["kind"] == "fix" and "2026-11-24T16:30" <= line["t"] < "2026-11-24T16:58"
        (batch if hidden else others).append(line)
    heard = "2026-11-24T16:58:00+09:00"
    others += [{**line, "t": heard, "fixed_at": line["t"]} for line in batch]
    others.sort(key=lambda line: datetime.fromisoformat(line.get("t") or line["arrived_at"]))
    day = tmp_path / "tunnel.jsonl"
    day.write_text("\n".join(map(json.dumps, others)), encoding="utf-8")
    (case,) = run_backtest([log_day(day)], 1, [Policy()], lambda _: None).cases
    assert case.knowable is not None
    assert case.knowable.at >= datetime.fromisoformat(heard) or case.knowable.why == "silent"


@pytest.fixture
def in_a_shell(company, monkeypatch):
    """Run a command in the company's house, on the evening of the story."""
    replay, _ = company

    @contextmanager
    def joined():
        yield replay.parts

    monkeypatch.setattr("app.backtest.commands.joined", joined)
    return lambda *words: CliRunner().invoke(main, ["backtest", *map(str, words)])


def test_a_shell_compares_ones_own_days(in_a_shell, tmp_path):
    done = in_a_shell("--from", "2026-11-24", "--until", "2026-11-24", "--policy", "quote_max_min=40")
    assert done.exit_code == 0
    head = done.stdout.splitlines()[0]
    assert [name for name in ("Really told", "Present settings", "With the changes") if name not in head] == []
    assert in_a_shell("--html", tmp_path / "own.html").exit_code == 0
    assert "Nov" in (tmp_path / "own.html").read_text(encoding="utf-8")


def test_a_shell_writes_ones_own_days_as_day_logs(in_a_shell, tmp_path):
    assert in_a_shell("--export", tmp_path / "days").exit_code == 0
    (file,) = (tmp_path / "days").iterdir()
    assert file.name == "2026-11-24.jsonl"
    assert len(log_day(file).truth) == 1
