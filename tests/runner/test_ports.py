"""A taken port is named, with who holds it, before anything starts."""

import os
import socket

import pytest

from crm.local.place import Refused
from crm.local.ports import LOOPBACK, Ports, holder, is_free, require_free


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_the_block_follows_port():
    ports = Ports.after(18000)

    assert (ports.web, ports.live, ports.mailbox, ports.smtp) == (18000, 18001, 18002, 18003)
    assert (ports.imap, ports.postgres, ports.redis) == (18004, 18005, 18006)


@pytest.mark.parametrize("base", [0, -1, 65530, 70000])
def test_a_block_outside_the_range_is_refused(base):
    with pytest.raises(Refused, match=f"PORT={base}"):
        Ports.after(base)


def test_a_taken_port_is_an_error_that_names_port_and_holder(taken):
    assert not is_free(taken)
    with pytest.raises(Refused) as refusal:
        require_free([("the web", taken, LOOPBACK)])

    text = str(refusal.value)
    assert f"Port {taken}, wanted for the web, is taken" in text
    assert f"process {os.getpid()}" in text
    assert "make run PORT=" in text


def test_every_taken_port_is_named_at_once(taken):
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        second = other.getsockname()[1]
        with pytest.raises(Refused) as refusal:
            require_free([("SMTP", taken, LOOPBACK), ("IMAP", second, LOOPBACK)])

    assert str(taken) in str(refusal.value)
    assert str(second) in str(refusal.value)


def test_a_free_port_has_no_holder(taken):
    require_free([])
    assert holder(1) == ""
