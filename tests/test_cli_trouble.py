"""What does the command say of input, files and databases that are no good?"""

from __future__ import annotations

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


def test_a_place_that_cannot_be_written_is_named(run, tmp_path):
    done = run("replay", str(STORY), "--notices", str(tmp_path / "nowhere" / "out.jsonl"))
    assert done.exit_code == 1
    assert done.stderr.endswith(f"Error: {tmp_path}/nowhere/.out.jsonl.part: No such file or directory\n")


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
