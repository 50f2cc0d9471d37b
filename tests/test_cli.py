"""Does the command speak to a person: help everywhere, wrong words named, nothing half done?"""

from __future__ import annotations

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


def test_a_bad_row_is_named_and_no_row_is_kept(mamonaku, tmp_path):
    rows = tmp_path / "customers.csv"
    rows.write_text("name,address,mobile\n山田,和歌山市1-1,090-1234-5678\n鈴木,和歌山市1-2,12\n", encoding="utf-8")
    said = mamonaku("import", "customers", rows)
    assert said.exit_code == 1
    assert "row 3, mobile" in said.stderr
    rows.write_text("name,address,mobile\n山田,和歌山市1-1,090-1234-5678\n", encoding="utf-8")
    assert mamonaku("import", "customers", rows).output == "1 added, 0 known already\n"
    assert mamonaku("import", "customers", rows).output == "0 added, 1 known already\n"


def test_a_replay_writes_its_notices_whole_or_not_at_all(mamonaku, tmp_path):
    out = tmp_path / "out.jsonl"
    broken = tmp_path / "broken.jsonl"
    broken.write_text(STORY.read_text(encoding="utf-8") + "{\n", encoding="utf-8")
    assert mamonaku("replay", broken, "--notices", out).exit_code == 1
    assert not out.exists()
    assert mamonaku("replay", STORY, "--notices", out).exit_code == 0
    assert '"message": "late"' in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(("language", "words"), [("en", "Told"), ("ja", "お知らせ")])
def test_a_replay_is_reported_on_a_page_of_its_own(mamonaku, tmp_path, language, words):
    page = tmp_path / "day.html"
    assert mamonaku("replay", STORY, "--report", page, "--language", language).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert "five-pm" in text
    assert words in text
    assert "http" not in text.split("</style>")[1].replace("http://127.0.0.1:8000/v/", "")


def test_a_database_that_does_not_answer_is_told_in_a_line(mamonaku, monkeypatch):
    monkeypatch.setenv("MAMONAKU_DATABASE_URL", "postgresql://someone:hunter2@127.0.0.1:1/none")
    said = mamonaku("db", "upgrade")
    assert said.exit_code == 1
    assert said.stderr.startswith("Error: the database ")
    assert "hunter2" not in said.stderr
