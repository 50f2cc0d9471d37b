"""What does the command say of input, files and databases that are no good?"""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from app.cli import main
from tests.test_cli import STORY


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a command on an installation of its own."""
    monkeypatch.setenv("MAMONAKU_INSTANCE", str(tmp_path))
    return lambda *words: CliRunner().invoke(main, words)


@pytest.mark.parametrize("visit_id", ["0", "-1", "abc", "2147483648", "9" * 30])
def test_an_id_that_no_visit_has_is_refused_in_words(run, visit_id):
    done = run("explain", "visit", "--", visit_id)
    assert done.exit_code == 2
    assert "Invalid value for 'ID'" in done.stderr


@pytest.mark.parametrize("line", [b"\x99\xff", b"{", b"[" * 100_000, b"[]", b'{"t": 1}'], ids=range(5))
def test_a_log_that_cannot_be_read_is_refused_with_its_line_and_leaves_no_file(run, tmp_path, line):
    log = tmp_path / "day.jsonl"
    log.write_bytes(b"\n" + line)
    done = run("replay", str(log), "--notices", str(tmp_path / "out.jsonl"))
    assert done.exit_code == 1
    assert "Error: day.jsonl:2: " in done.stderr
    assert [file.name for file in tmp_path.iterdir() if "out" in file.name] == []


@pytest.mark.parametrize(
    "words",
    [("replay", "--notices"), ("replay", "--report"), ("backtest", "--html"), ("explain", "visit", "1", "--html")],
)
def test_a_folder_that_is_missing_is_named_before_the_work_and_not_after_it(run, tmp_path, words):
    day = [] if words[0] == "explain" else [str(STORY)]
    done = run(*words, str(tmp_path / "nowhere" / "out"), *day)
    assert (done.exit_code, done.stdout, "playing" in done.stderr) == (2, "", False)
    assert f"Invalid value for '{words[-1]}': there is no folder '{tmp_path}/nowhere'." in done.stderr


def test_a_full_disk_does_not_take_the_figures_away(run):
    done = run("backtest", str(STORY), "--html", "/dev/full")
    assert (done.exit_code, "No space left" in done.stderr) == (1, True)
    assert "Told before the promise ended" in done.stdout


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_the_end_of_the_calendar_is_refused_in_words(run, day):
    done = run("explain", "day", day)
    assert (done.exit_code, f"Invalid value for [DATE]: {day}" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"t": "9999-12-31T23:59:59-12:00"}, "t: '9999-12-31T23:59:59-12:00' is not in the years"),
        ({"t": "0001-01-01T00:00:00+14:00"}, "t: '0001-01-01T00:00:00+14:00' is not in the years"),
        ({"technician": ""}, "technician: is empty"),
        ({"technician": "\ud800"}, "technician: '\\ud800' holds half a character"),
    ],
)
def test_a_line_that_no_day_can_have_is_refused_with_its_field(run, tmp_path, fields, named):
    fix = {"t": "2026-11-24T09:00:00+09:00", "kind": "fix", "technician": "a", "lat": 34.2, "lon": 135.1}
    log = tmp_path / "day.jsonl"
    log.write_text(json.dumps({**fix, **fields}), encoding="utf-8")
    for command in ("replay", "backtest"):
        done = run(command, str(log))
        assert (done.exit_code, f"Error: day.jsonl:1: {named}" in done.stderr) == (1, True)


@pytest.mark.parametrize("what", ["no database", "a folder"])
def test_a_database_that_is_none_is_told_in_words(run, tmp_path, what):
    file = tmp_path / "mamonaku.sqlite"
    file.mkdir() if what == "a folder" else file.write_bytes(b"no database" * 1000)
    done = run("db", "upgrade")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: the database ")


def test_an_instance_folder_that_cannot_be_made_is_named(run, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MAMONAKU_INSTANCE", str(tmp_path / "file"))
    done = run("db", "upgrade")
    assert (done.exit_code, done.stderr) == (1, f"Error: {tmp_path}/file: File exists\n")


def test_a_database_address_with_a_crooked_port_is_a_wrong_setting(run, monkeypatch):
    monkeypatch.setenv("MAMONAKU_DATABASE_URL", "postgresql://user@host:port/name")
    done = run("db", "upgrade")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: MAMONAKU_DATABASE_URL: ")
