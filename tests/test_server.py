"""Can phones that fall silent keep the server busy?"""

from __future__ import annotations

import socket

import pytest

from app.server import bound_waiting


def test_a_connection_that_falls_silent_in_the_middle_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bound_waiting(listener, seconds=1)
        with socket.create_connection(listener.getsockname()) as phone:
            phone.sendall(b"POST /ingest/owntracks HTTP/1.1")
            served, _ = listener.accept()
            with served:
                served.setblocking(True)  # as the worker does before it reads
                assert served.recv(100)
                with pytest.raises(BlockingIOError):
                    served.recv(100)
