"""Is the mailbox read over real IMAP, and is nothing lost or marked too early?"""

from __future__ import annotations

import pytest

from app.providers import mailbox_imap
from app.providers.mailbox_imap import ImapMailbox, MailboxSilent
from tests.mailbox_standin import mailbox_server


@pytest.fixture
def server():
    with mailbox_server() as running:
        yield running


@pytest.fixture
def mailbox(server):
    return ImapMailbox(server.url)


def test_an_empty_mailbox_has_nothing(mailbox):
    assert list(mailbox.unread()) == []


def test_unread_mails_come_with_their_bytes_and_stay_unread(server, mailbox):
    server.put("件名\r\n\r\nbody (with) \\ {3}\r\n".encode())
    server.put(b"")
    first = mailbox.unread()
    assert [letter.raw for letter in first] == ["件名\r\n\r\nbody (with) \\ {3}\r\n".encode(), b""]
    assert server.seen == set()
    assert mailbox.unread() == first


def test_what_was_kept_is_marked_and_does_not_come_again(server, mailbox):
    server.put(b"a")
    kept = mailbox.unread()
    server.put(b"b")
    mailbox.mark_read(kept)
    assert [letter.raw for letter in mailbox.unread()] == [b"b"]


def test_nothing_is_marked_in_a_folder_that_was_made_anew(server, mailbox):
    server.put(b"a")
    kept = mailbox.unread()
    server.generation = 8
    mailbox.mark_read(kept)
    assert server.seen == set()


def test_of_a_huge_mail_only_the_beginning_is_taken_and_of_many_mails_some(server, mailbox):
    server.put(b"x" * 1_000_000)
    for _ in range(30):
        server.put(b"y")
    found = mailbox.unread()
    assert len(found[0].raw) == 262_144
    assert len(found) == 20


@pytest.mark.parametrize("mode", ["refuse", "close"])
def test_a_mailbox_that_fails_says_so_without_names(server, mailbox, mode):
    server.put(b"a")
    server.mode = mode
    with pytest.raises(MailboxSilent) as said:
        mailbox.unread()
    assert "office" not in str(said.value)


def test_a_mailbox_that_hangs_is_left_in_time(server, mailbox, monkeypatch):
    monkeypatch.setattr(mailbox_imap, "_DEADLINE_S", 0.2)
    server.mode = "hang"
    with pytest.raises(MailboxSilent, match="in time"):
        mailbox.unread()


def test_nobody_there_is_said_too():
    with pytest.raises(MailboxSilent):
        ImapMailbox("imap://u:p@127.0.0.1:9/INBOX").unread()


def test_a_folder_in_japanese_is_named_as_imap_names_it():
    assert mailbox_imap._quoted('返信 & "急ぎ"') == '"&j9RP4Q- &- \\"&YCUwTg-\\""'
