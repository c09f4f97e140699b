"""The process manager on small children: order, restarts, hangs, last words, and no orphan ever."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from crm.local.place import Refused
from crm.local.processes import Printer, Service, StopRequested, Supervisor
from tests.support.processes import wait_until

HANGS = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('deaf', flush=True)
time.sleep(600)
"""
OBEYS = """
import signal, sys, time
def end(*_): print('bye', flush=True); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print('up', flush=True)
while True: time.sleep(0.05)
"""


def child(name, code, **more):
    more.setdefault("discreet", False)
    return Service(name, [sys.executable, "-c", textwrap.dedent(code)], dict(os.environ), **more)


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def supervisor(out):
    handlers = {number: signal.getsignal(number) for number in (2, 15, 1, signal.SIGCHLD)}
    with Supervisor(Printer(out)) as one:
        yield one
    signal.set_wakeup_fd(-1)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def turn_until(supervisor, true, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "not within the time"
        supervisor.tick(0.05)


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "Z"


def test_lines_carry_the_childs_name(supervisor, out):
    supervisor.start(child("web", OBEYS))

    turn_until(supervisor, lambda: "up" in out.getvalue())
    assert out.getvalue() == "web       │ up\n"


def test_stages_stop_in_reverse_order(supervisor, out):
    supervisor.start(child("data", OBEYS, stage=0), child("work", OBEYS, stage=2))
    turn_until(supervisor, lambda: out.getvalue().count("up") == 2)
    for one in supervisor.children.values():
        one.service.discreet = False
    processes = {name: one.process for name, one in supervisor.children.items()}

    ended = []
    supervisor.printer.line = lambda name, text: ended.append((name, text))
    supervisor.stop_all()

    assert ended == [("work", "bye"), ("data", "bye")]
    assert [process.returncode for process in processes.values()] == [0, 0]


def test_a_crashed_child_starts_again_later_each_time(supervisor, out):
    supervisor.start(child("web", "import time; time.sleep(0.1); raise SystemExit(3)"))

    turn_until(supervisor, lambda: out.getvalue().count("starting it again") == 2)
    first, second = out.getvalue().splitlines()[:2]
    assert "ended with exit 3" in first
    assert first.endswith("in 0.5 s")
    assert second.endswith("in 1 s")


def test_helpers_of_a_crashed_child_die_with_it(supervisor, out):
    code = """
    import os, subprocess, sys, time
    time.sleep(0.5)  # a child that ends while it starts is a refusal, not a crash
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(helper.pid, flush=True)
    os.kill(os.getpid(), 9)
    """
    supervisor.start(child("web", code))

    turn_until(supervisor, lambda: "signal SIGKILL" in out.getvalue())
    helper = int(out.getvalue().split("│")[1].split()[0])
    wait_until(lambda: is_gone(helper), seconds=5)


def test_a_child_that_does_not_stop_is_killed_after_its_grace(supervisor, out):
    supervisor.start(child("web", HANGS, grace=0.3, stage=2))
    turn_until(supervisor, lambda: "deaf" in out.getvalue())
    process = supervisor.children["web"].process

    supervisor.stop_all()

    assert process.returncode == -9
    assert "did not stop within 0.3 s: killed" in out.getvalue()


def test_a_start_that_fails_shows_the_childs_last_words(supervisor):
    with pytest.raises(Refused) as refusal:
        supervisor.start(
            child("postgres", "print('disk full'); raise SystemExit(2)", discreet=True, ready=lambda: False)
        )

    assert "postgres ended at once with exit 2" in str(refusal.value)
    assert "disk full" in str(refusal.value)


def test_a_start_that_takes_too_long_is_refused(supervisor):
    with pytest.raises(Refused, match=r"not ready within 0 s"):
        supervisor.start(child("web", OBEYS, ready=lambda: False, ready_within=0.3))


def test_jobs_run_side_by_side_and_a_failing_one_stops_the_start(supervisor, out):
    began = time.monotonic()
    supervisor.run_jobs([child(name, "import time; time.sleep(0.7)") for name in ("a", "b")], "failed")
    assert time.monotonic() - began < 1.3

    with pytest.raises(Refused, match=r"The start failed: c ended with exit 5"):
        supervisor.run_jobs([child("c", "raise SystemExit(5)")], "The start failed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_loop(supervisor, number):
    os.kill(os.getpid(), number)

    with pytest.raises(StopRequested):
        supervisor.tick(1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_children_stop_when_the_supervisor_is_killed(tmp_path):
    code = f"""
    import os, sys
    from crm.local.processes import Printer, Service, Supervisor
    with Supervisor(Printer(sys.stdout)) as supervisor:
        service = Service("web", [sys.executable, "-c", {OBEYS!r}], dict(os.environ), discreet=False)
        print(supervisor.launch(service).process.pid, flush=True)
        while True:
            supervisor.tick(1)
    """
    supervisor = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, cwd=os.getcwd()
    )
    pid = int(supervisor.stdout.readline())
    assert "up" in supervisor.stdout.readline()

    supervisor.kill()
    supervisor.wait()

    wait_until(lambda: is_gone(pid), seconds=5)
    supervisor.stdout.close()


def test_a_child_that_is_not_ready_is_not_waited_for(supervisor, out):
    supervisor.launch(child("web", HANGS, grace=60, stage=2, ready=lambda: False))
    turn_until(supervisor, lambda: "deaf" in out.getvalue())
    process = supervisor.children["web"].process

    began = time.monotonic()
    supervisor.stop_all()

    assert process.returncode == -9
    assert time.monotonic() - began < 10


def test_a_second_ctrl_c_hurries_all_but_what_keeps_data(supervisor, out):
    supervisor.start(child("data", HANGS, grace=3, stage=0), child("work", HANGS, grace=60, stage=2))
    turn_until(supervisor, lambda: out.getvalue().count("deaf") == 2)
    supervisor.stop_signals = 1
    before = supervisor.pump

    def press_again(seconds):
        supervisor.stop_signals = 2
        before(seconds)

    supervisor.pump = press_again
    supervisor.stop_all()

    assert "work      │ did not stop within 1 s: killed" in out.getvalue()
    assert "data      │ did not stop within 3 s: killed" in out.getvalue()


def forked(name, work, **more):
    return Service(name, [], {}, discreet=False, forked=work, **more)


def test_a_forked_child_speaks_ends_and_starts_again(supervisor, out):
    def work():
        print("forked", flush=True)
        time.sleep(0.2)
        raise SystemExit(4)

    supervisor.launch(forked("worker", work)).ready = True

    turn_until(supervisor, lambda: "ended with exit 4" in out.getvalue())
    turn_until(supervisor, lambda: out.getvalue().count("forked") == 2)


def test_a_forked_child_that_raises_shows_why(supervisor, out):
    def work():
        raise ValueError("no such queue")

    supervisor.launch(forked("worker", work)).ready = True

    turn_until(supervisor, lambda: "ended with exit 1" in out.getvalue())
    assert "ValueError: no such queue" in out.getvalue()


def test_a_forked_child_stops_with_its_signal(supervisor, out):
    def work():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        print("up", flush=True)
        while True:
            time.sleep(0.05)

    supervisor.launch(forked("worker", work)).ready = True
    turn_until(supervisor, lambda: "up" in out.getvalue())
    process = supervisor.children["worker"].process

    supervisor.stop_all()

    assert process.returncode == 0


def test_lines_of_a_supervised_supervisor_keep_their_names(supervisor, out):
    supervisor.start(child("crew", "print('worker    │ hello'); print('own words')", labels_itself=True))

    turn_until(supervisor, lambda: "own words" in out.getvalue())
    assert "worker    │ hello\n" in out.getvalue()
    assert "crew      │ own words\n" in out.getvalue()
