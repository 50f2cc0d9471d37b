"""A mailbox for tests: a real IMAP server on a port of its own that speaks as much of RFC 3501 as is asked of it."""

from __future__ import annotations

import re
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread


class MailboxServer:
    """One folder. `mode`: ok · refuse (the sign-in) · hang (no answer) · close (in the middle of a mail)."""

    def __init__(self) -> None:
        self.mails: dict[int, bytes] = {}
        self.seen: set[int] = set()
        self.generation = 7
        self.mode = "ok"
        self.commands: list[str] = []
        self._over = Event()
        outer = self

        class Talk(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"* OK ready\r\n")
                for line in self.rfile:
                    tag, _, command = line.decode().strip().partition(" ")
                    outer.commands.append(command)
                    if outer.mode == "hang":
                        outer._over.wait(30)
                        return
                    answer = outer._answer(command)
                    if answer is None:
                        return
                    self.wfile.write(answer.replace(b"TAG", tag.encode()))
                    if command == "LOGOUT":
                        return

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Talk)
        self.url = f"imap://office%40example.jp:p%2Fw@127.0.0.1:{self._server.server_address[1]}/INBOX"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def put(self, raw: bytes) -> int:
        """Lay a mail into the folder and return its number."""
        uid = max(self.mails, default=40) + 1
        self.mails[uid] = raw
        return uid

    def _answer(self, command: str) -> bytes | None:
        verb = command.upper()
        if verb.startswith("CAPABILITY"):
            return b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n"
        if verb.startswith("LOGIN"):
            right = self.mode != "refuse" and "office@example.jp" in command and "p/w" in command
            return b"TAG OK done\r\n" if right else b"TAG NO [AUTHENTICATIONFAILED] office@example.jp\r\n"
        if verb.startswith(("SELECT", "EXAMINE")):
            count, generation = len(self.mails), self.generation
            return f"* {count} EXISTS\r\n* OK [UIDVALIDITY {generation}] ok\r\nTAG OK done\r\n".encode()
        if verb.startswith("UID SEARCH UNSEEN"):
            unseen = " ".join(str(uid) for uid in sorted(self.mails) if uid not in self.seen)
            return f"* SEARCH {unseen}\r\nTAG OK done\r\n".encode()
        if verb.startswith("UID FETCH"):
            asked = re.fullmatch(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", verb)
            assert asked is not None, command
            raw = self.mails[int(asked[1])][: int(asked[2])]
            if self.mode == "close":
                return None
            return b"* 1 FETCH (UID %d BODY[]<0> {%d}\r\n%b)\r\nTAG OK done\r\n" % (int(asked[1]), len(raw), raw)
        if verb.startswith("UID STORE"):
            self.seen |= {int(uid) for uid in verb.split()[2].split(",")}
            return b"TAG OK done\r\n"
        if verb == "LOGOUT":
            return b"* BYE bye\r\nTAG OK done\r\n"
        return b"TAG BAD what\r\n"

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def mailbox_server() -> Iterator[MailboxServer]:
    """Run a mailbox until the end of the block."""
    server = MailboxServer()
    try:
        yield server
    finally:
        server.close()
