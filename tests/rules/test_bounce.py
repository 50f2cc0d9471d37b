"""Is it known which of our mails came back, and whether the address leads nowhere?"""

from __future__ import annotations

import pytest

from app.rules.bounce import read_bounces

OURS = "<mamonaku.12-19ab3@example.jp>"


def report(action="failed", status="5.1.1", diagnostic="smtp; 550 5.1.1 user unknown", returned=True):
    back = (
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {OURS}\r\nSubject: x\r\n\r\nbody\r\n"
        if returned
        else ""
    )
    return (
        "From: MAILER-DAEMON@mx.example.jp\r\nSubject: Undelivered Mail Returned to Sender\r\nReturn-Path: <>\r\n"
        "Auto-Submitted: auto-replied\r\nMessage-ID: <b1@mx>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nYour mail could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.jp\r\n\r\n"
        f"Final-Recipient: rfc822; Hanako@Example.jp\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: {diagnostic}\r\n\r\n{back}--b--\r\n"
    ).encode()


def test_a_report_names_our_mail_the_recipient_and_the_reason():
    (bounce,) = read_bounces(report())
    assert (bounce.message_id, bounce.recipient, bounce.outcome, bounce.status, bounce.nowhere) == (
        OURS,
        "hanako@example.jp",
        "undelivered",
        "5.1.1",
        True,
    )


@pytest.mark.parametrize(
    ("action", "status", "diagnostic", "outcome", "nowhere"),
    [
        ("failed", "5.2.1", "smtp; 550 mailbox disabled", "undelivered", True),
        ("failed", "5.0.0", "smtp; 550 No such user here", "undelivered", True),
        ("failed", "5.1.2", "dns; host not found", "undelivered", True),
        ("failed", "5.2.2", "smtp; 552 mailbox full", "undelivered", False),
        ("failed", "5.7.1", "smtp; 550 rejected as spam", "undelivered", False),
        ("failed", "5.4.7", "smtp; delivery time expired", "undelivered", False),
        ("delayed", "4.4.1", "smtp; connection timed out", "delayed", False),
        ("failed", "4.2.2", "smtp; 452 over quota, user unknown", "undelivered", False),
    ],
)
def test_only_an_address_that_leads_nowhere_is_given_up(action, status, diagnostic, outcome, nowhere):
    (bounce,) = read_bounces(report(action, status, diagnostic))
    assert (bounce.outcome, bounce.nowhere) == (outcome, nowhere)


def test_a_report_of_success_is_no_bounce():
    assert read_bounces(report("delivered", "2.0.0", "")) == []
    assert read_bounces(report("relayed", "2.0.0", "")) == []


def test_a_report_without_our_mail_names_none():
    assert read_bounces(report(returned=False))[0].message_id is None


#: As qmail, Exim, and the carriers of Japan write them.
IN_WORDS = {
    "qmail": (
        "MAILER-DAEMON@mx.example.jp",
        "failure notice",
        "Hi. This is the qmail-send program.\n<hanako@example.jp>:\n203.0.113.5 does not like recipient.\n"
        f"Remote host said: 550 5.1.1 <hanako@example.jp>: Recipient address rejected: User unknown\n\n"
        f"Message-ID: {OURS}",
        True,
    ),
    "docomo": (
        "mail-daemon@docomo.example.jp",
        "Mail System Error - Returned Mail",
        "次の宛先へのメールは送信できませんでした。\nThe following recipient has failed:\n<hanako@docomo.example.jp>\n"
        f"550 Unknown user hanako@docomo.example.jp\n\n> Message-ID: {OURS}",
        True,
    ),
    "ezweb": (
        "Postmaster@ezweb.example.jp",
        "Mail System Error - Returned Mail",
        "Each of the following recipients was rejected by a remote mail server.\nRecipient: <hanako@ezweb.example.jp>\n"
        f"Reason: <hanako@ezweb.example.jp>: User unknown\n\nMessage-Id: {OURS}",
        True,
    ),
    "full": (
        "postmaster@example.jp",
        "配信できませんでした",
        f"<hanako@example.jp> 552 mailbox full\n{OURS}",
        False,
    ),
    "later": ("postmaster@example.jp", "Delivery Status Notification (Delay)", f"451 4.7.1 try later\n{OURS}", False),
}


@pytest.mark.parametrize("name", sorted(IN_WORDS))
def test_a_bounce_in_words_is_understood_too(name):
    sender, subject, body, nowhere = IN_WORDS[name]
    raw = f"From: {sender}\r\nSubject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    (bounce,) = read_bounces(raw.encode())
    assert (bounce.message_id, bounce.nowhere) == (OURS, nowhere)
    assert bounce.outcome == ("delayed" if name == "later" else "undelivered")


@pytest.mark.parametrize(
    "raw",
    [
        b"From: hanako@example.jp\r\nSubject: Re: notice\r\n\r\nuser unknown? 550",
        b"From: postmaster@example.jp\r\nSubject: Maintenance\r\n\r\nWe are away on Sunday.",
        b"",
        b"\xff\xfe",
    ],
)
def test_a_letter_is_no_bounce(raw):
    assert read_bounces(raw) == []
