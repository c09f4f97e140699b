"""The mailbox of `make run`, for tests that fetch mail."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from crm.local import mailbox
from crm.local.ports import Ports, free_port
from crm.local.processes import spawn
from tests.support.processes import wait_until
from tests.support.services import end


@pytest.fixture
def imap() -> Iterator[tuple[int, int, str]]:
    """(SMTP port, IMAP port, password)."""
    ports = Ports.after(free_port())
    ports = Ports(**{**vars(ports), "smtp": free_port(), "imap": free_port(), "mailbox": free_port()})
    service = mailbox.service(ports, "secret", dict(os.environ))
    process = spawn(service, subprocess.DEVNULL)
    try:
        wait_until(service.ready, seconds=30, what="the mailbox answers")
        yield ports.smtp, ports.imap, "secret"
    finally:
        end(process)
