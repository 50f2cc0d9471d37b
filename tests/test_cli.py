"""Does the command speak to a person: help everywhere, wrong words named, nothing half done?"""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.cli import main

STORY = Path(__file__).parent / "data" / "days" / "the-last-200-metres.jsonl"


@pytest.fixture
def mamonaku(tmp_path, monkeypatch):
    monkeypatch.setenv("MAMONAKU_INSTANCE", str(tmp_path / "instance"))
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        found += commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found


@pytest.mark.parametrize("command", commands(main), ids=" ".join)
def test_every_command_explains_itself(mamonaku, command):
    said = mamonaku(*command, "--help")
    assert said.exit_code == 0
    assert len(said.output.splitlines()) > 4


@pytest.mark.parametrize("command", commands(main), ids=" ".join)
def test_nonsense_is_refused_in_words(mamonaku, command):
    said = mamonaku(*command, "--no-such-option")
    assert said.exit_code == 2
    assert "--no-such-option" in said.output
    assert "Traceback" not in said.output


def test_a_person_and_a_program_are_let_in(mamonaku):
    assert mamonaku("db", "upgrade").exit_code == 0
    mamonaku("company", "set", "--name", "アオバPCサポート", "--short-name", "アオバPC", "--phone", "03-1234-5678")
    user = ("user", "create", "--email", "a@example.jp", "--name", "小林", "--role", "admin", "--password")
    assert mamonaku(*user, "correct horse").exit_code == 0
    assert "registered already" in mamonaku(*user, "correct horse").output
    assert "password" in mamonaku(*user, "short").output
    token = mamonaku("token", "create", "--role", "dispatcher", "crm").output.strip()
    assert token.startswith("mmk_")


def test_the_company_that_has_no_name_is_asked_for_it(mamonaku):
    assert "company set" in mamonaku("token", "create", "--role", "dispatcher", "crm").stderr


def test_an_unknown_visit_cannot_be_explained(mamonaku):
    said = mamonaku("explain", "visit", 42)
    assert (said.exit_code, said.stderr) == (1, "Error: There is no such visit\n")


def test_a_day_is_explained_in_lines_and_as_a_page_and_a_wrong_one_is_refused(mamonaku, tmp_path):
    assert mamonaku("explain", "day", "2026-11-24", "--language", "en").output == "No visits on Tue 24 Nov\n"
    page = tmp_path / "day.html"
    assert mamonaku("explain", "day", "2026-11-24", "--html", page).exit_code == 0
    assert "訪問はありません" in page.read_text(encoding="utf-8")
    refused = mamonaku("explain", "day", "2026-13-01")
    assert (refused.exit_code, "2026-13-01" in refused.stderr) == (2, True)
    unknown = mamonaku("explain", "technician", 7)
    assert (unknown.exit_code, unknown.stderr) == (1, "Error: There is no such technician\n")


def test_a_bad_row_is_named_and_no_row_is_kept(mamonaku, tmp_path):
    rows = tmp_path / "customers.csv"
    rows.write_text("name,address,mobile\n山田,和歌山市1-1,090-1234-5678\n鈴木,和歌山市1-2,12\n", encoding="utf-8")
    said = mamonaku("import", "customers", rows)
    assert said.exit_code == 1
    assert "row 3, mobile" in said.stderr
    rows.write_text("name,address,mobile\n山田,和歌山市1-1,090-1234-5678\n", encoding="utf-8")
    tried = mamonaku("import", "customers", rows, "--dry-run").stdout
    assert tried == "row 2: new\n1 would be added, 0 known already\n"
    assert mamonaku("import", "customers", rows).stdout == "1 added, 0 known already\n"
    out = rows.with_name("out.csv")
    assert mamonaku("export", "customers", out).exit_code == 0
    assert mamonaku("import", "customers", out).stdout == "0 added, 1 known already\n"
    assert mamonaku("import", "customers", rows).stdout == "0 added, 1 known already\n"


def test_what_is_no_file_is_written_to_and_not_replaced(mamonaku, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert mamonaku("explain", "day", "2026-11-24", "--html", pipe).exit_code == 0
        assert os.read(reader, 100).startswith(b"<!doctype html>")
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_replay_writes_its_notices_whole_or_not_at_all(mamonaku, tmp_path):
    out = tmp_path / "out.jsonl"
    broken = tmp_path / "broken.jsonl"
    broken.write_text(STORY.read_text(encoding="utf-8") + "{\n", encoding="utf-8")
    assert mamonaku("replay", broken, "--notices", out).exit_code == 1
    assert not out.exists()
    done = mamonaku("replay", STORY, "--notices", out)
    assert done.exit_code == 0
    assert "1 visit of 1 technician replayed" in done.stdout
    assert '"message": "late"' in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(("language", "words"), [("en", "Told"), ("ja", "お知らせ")])
def test_a_replay_is_reported_on_a_page_of_its_own(mamonaku, tmp_path, language, words):
    page = tmp_path / "day.html"
    assert mamonaku("replay", STORY, "--report", page, "--language", language).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert "five-pm" in text
    assert words in text
    assert "http" not in text.split("</style>")[1]


def test_a_backtest_sets_an_edited_policy_beside_the_usual_one(mamonaku, tmp_path):
    page = tmp_path / "day.html"
    done = mamonaku("backtest", STORY, "--policy", "quote_max_min=40", "--html", page)
    assert done.exit_code == 0
    (width,) = (line for line in done.output.splitlines() if line.startswith("Width of the windows"))
    assert width.split()[-4:] == ["25", "min", "40", "min"]
    assert "Visits told differently under the two settings: 1" in done.output
    assert page.read_text(encoding="utf-8").count("<svg") >= 5


def test_a_backtest_can_be_read_by_a_program(mamonaku):
    done = mamonaku("backtest", STORY, "--json")
    assert json.loads(done.stdout)["sides"][0]["marks"]["warned"] == 1.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--policy", "louder=1"], "'louder=1' is not KEY=VALUE"),
        (["--policy", "last_share"], "'last_share' is not KEY=VALUE"),
        (["--policy", "last_share=x"], "last_share: 'x' has the wrong form"),
        (["--policy", "last_share=7"], "last_share: must be between"),
        (["--policy", "most_late=1.5"], "most_late: '1.5' has the wrong form"),
        (["--policy", "arriving_soon=perhaps"], "arriving_soon: "),
        (["--from", "2026-11-01"], "are for your own days"),
        (["--from", "yesterday"], "does not match the format"),
    ],
)
def test_what_cannot_be_backtested_is_refused_in_words(mamonaku, words, said):
    done = mamonaku("backtest", STORY, *words)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "2020-01-01"], "have been deleted, after 35 days (MAMONAKU_REPLAY_KEPT_DAYS)"),
        (["--until", "2199-01-01"], "2199-01-01 has not come yet"),
        (["--until", "2020-01-01"], "is before"),
    ],
)
def test_own_days_that_cannot_be_played_are_refused_with_the_reason(mamonaku, words, said):
    done = mamonaku("backtest", *words)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_company_without_visits_has_nothing_to_play_yet(mamonaku):
    done = mamonaku("backtest")
    assert done.exit_code == 1
    assert "there is nothing to play" in done.stderr


def test_a_database_that_does_not_answer_is_told_in_a_line(mamonaku, monkeypatch):
    monkeypatch.setenv("MAMONAKU_DATABASE_URL", "postgresql://someone:hunter2@127.0.0.1:1/none")
    said = mamonaku("db", "upgrade")
    assert said.exit_code == 1
    assert said.stderr.startswith("Error: the database ")
    assert "hunter2" not in said.stderr
