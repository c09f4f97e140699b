"""The live process streams nudges, and stops at once although pages hold their streams open."""

import json
import os
import time
import urllib.error
import urllib.request

import pytest

from crm.lib import live
from crm.local.ports import LOOPBACK, free_port
from crm.local.processes import Service, kill_group, spawn
from crm.local.stack import granian, is_alive
from tests.support.processes import wait_until

MERCHANT = 4711


@pytest.fixture
def live_service(tmp_path):
    """The service as `make run` starts it, on a port of its own."""
    port = free_port()
    made = granian("live", "asgi", LOOPBACK, port, dict(os.environ))
    process = spawn(made, (tmp_path / "log").open("wb"))
    wait_until(lambda: is_alive(f"http://{LOOPBACK}:{port}/healthz", LOOPBACK, port), seconds=120)
    yield made, process, port
    kill_group(process.pid)
    process.wait()


def open_stream(port):
    address = f"http://{LOOPBACK}:{port}/live/?token={live.token(MERCHANT)}"
    return urllib.request.urlopen(address, timeout=30)


def test_a_nudge_reaches_an_open_page(live_service):
    _service, _process, port = live_service
    with open_stream(port) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.readline() == b"retry: 3000\n"
        lines = []
        deadline = time.monotonic() + 20
        while not any(line.startswith(b"data:") for line in lines):
            assert time.monotonic() < deadline
            live.publish(MERCHANT, ["inbox"])  # again and again: the stream may not have subscribed yet
            lines += [stream.readline(), stream.readline()]

    data = next(line for line in lines if line.startswith(b"data:"))
    assert json.loads(data.removeprefix(b"data:")) == {"topic": "inbox"}


def test_a_stranger_gets_no_stream(live_service):
    _service, _process, port = live_service

    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"http://{LOOPBACK}:{port}/live/?token=made-up", timeout=10)

    assert refusal.value.code == 403


def test_open_streams_do_not_delay_the_stop(live_service):
    service, process, port = live_service
    assert isinstance(service, Service)
    with open_stream(port) as stream:
        assert stream.readline() == b"retry: 3000\n"
        began = time.monotonic()
        process.send_signal(service.stop_signal)
        code = process.wait(60)

    assert code == 0
    assert time.monotonic() - began < service.grace / 2
