"""A small process manager: starts, watches, restarts and stops children; one thread, so that nothing races.

One thread also because Linux ties PR_SET_PDEATHSIG to the thread that started the child.
"""

import collections
import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NoReturn

from crm.local.place import ROOT, Refused

PR_SET_PDEATHSIG = 1  # linux/prctl.h
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.5, 30.0
# A child that lived this long had started well: its next crash counts as the first again.
STEADY_SECONDS = 60.0
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class StopRequested(Exception):
    """Ctrl-C, SIGTERM or the terminal went away."""


@dataclass
class Service:
    """One child: how to start it, to know that it is ready, and to stop it."""

    name: str
    command: list[str]
    env: dict[str, str]
    ready: Callable[[], bool] = lambda: True
    ready_within: float = 180.0  # seconds; a busy machine takes its time to load Django
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 15.0  # seconds between the stop signal and SIGKILL
    stage: int = 0  # stages stop in reverse order, one stage together
    user: int | None = None  # run as this uid (and gid) when started by root
    stop_file: Path | None = None
    # Keep back what it says before it is ready and while it stops; show that only when something goes wrong.
    discreet: bool = True
    watch: bool = False  # restart it when Python code changes
    # Instead of the command: run this in a fork of ours, which has loaded the code (crm/local/crew.py).
    forked: Callable[[], None] | None = None
    labels_itself: bool = False  # its lines already carry a name: it is a supervisor too


@dataclass
class Child:
    service: Service
    process: "Process"
    started: float
    ready: bool = False
    stopping: bool = False
    held_back: collections.deque[str] = field(default_factory=lambda: collections.deque(maxlen=60))


def die_with_parent(stop_signal: int, parent: int) -> Callable[[], None]:
    """For preexec_fn: the kernel sends the child this signal when the supervisor is gone, however it went."""

    def arm() -> None:
        # `make run &` in a script starts us with SIGINT ignored, and PostgreSQL is stopped by SIGINT.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if LIBC is not None:
            LIBC.prctl(PR_SET_PDEATHSIG, stop_signal)
            if os.getppid() != parent:  # it died before prctl
                os._exit(1)

    return arm


class Forked:
    """A child made by fork; as much of Popen as the supervisor uses."""

    def __init__(self, service: Service) -> None:
        assert service.forked is not None
        parent = os.getpid()
        reading, writing = os.pipe()
        sys.stdout.flush()
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            become(service, parent, writing)
        os.close(writing)
        self.stdout = os.fdopen(reading, "rb")

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def become(service: Service, parent: int, output: int) -> NoReturn:
    """In the forked child: forgets that it was a supervisor, does its work, and never returns."""
    assert service.forked is not None
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent(service.stop_signal, parent)()
        os.setpgid(0, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115  for the rest of the process
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        os.closerange(3, min(4096, os.sysconf("SC_OPEN_MAX")))
        service.forked()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


Process = subprocess.Popen[bytes] | Forked


def spawn(service: Service, output: int | IO[bytes] = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    """Starts the service in a session of its own, so that a Ctrl-C at the terminal reaches only us."""
    return subprocess.Popen(
        service.command,
        cwd=ROOT if service.user is None else "/",
        env=service.env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent(service.stop_signal, os.getpid()),
        user=service.user,
        group=service.user,
        extra_groups=[] if service.user is not None else None,
    )


def kill_group(pid: int) -> None:
    """SIGKILL to whatever is left of the child's process group and, where /proc shows it, of its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):  # processes end while we look
            if stat.read_text().rsplit(")", 1)[1].split()[3] == str(pid):
                os.kill(int(stat.parent.name), signal.SIGKILL)


def exited(process: Process) -> bool:
    """Whether the child has ended; its helpers are killed before its pid can be given to anyone else."""
    if process.returncode is not None:
        return True
    if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        return False
    kill_group(process.pid)
    process.wait()
    return True


def ending(code: int | None) -> str:
    if code is None:
        return "no exit code"
    return f"exit {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


class Printer:
    """Lines with the process's name in front, in colour on a terminal."""

    def __init__(self, out: IO[str]) -> None:
        self.out = out
        self.coloured = out.isatty() and "NO_COLOR" not in os.environ
        self.names: dict[str, int] = {}

    def line(self, name: str, text: str) -> None:
        label = f"{name:<10}│"
        if self.coloured:
            colour = COLOURS[self.names.setdefault(name, len(self.names)) % len(COLOURS)]
            label = f"\x1b[{colour}m{label}\x1b[0m"
        self.plain(f"{label} {text}")

    def plain(self, text: str) -> None:
        try:
            print(text, file=self.out, flush=True)
        except (BrokenPipeError, OSError):
            # The reader went away (`make run | head`); the children still have to be stopped properly.
            self.out = open(os.devnull, "w")  # noqa: SIM115  for the rest of the process


class Supervisor:
    """Starts services in order and keeps them; `with` it, so that leaving the block stops them all."""

    def __init__(self, printer: Printer) -> None:
        self.printer = printer
        self.children: dict[str, Child] = {}
        self.waiting: dict[str, tuple[float, Service]] = {}  # name → (when to start again, what)
        self.backoff: dict[str, float] = {}
        self.selector = selectors.DefaultSelector()
        self.partial: dict[int, bytes] = {}
        self.stop_signals = 0
        self.on_change: Callable[[dict[str, int]], None] = lambda pids: None

    # -- signals and waiting

    def __enter__(self) -> "Supervisor":
        reading, writing = os.pipe()
        for end in (reading, writing):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self.selector.register(reading, selectors.EVENT_READ)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only wakes the selector
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()

    def _asked_to_stop(self, number: int, _frame: object) -> None:
        self.stop_signals += 1

    def pump(self, seconds: float) -> None:
        """Prints what the children say, for at most `seconds`; returns early when something happened."""
        for key, _ in self.selector.select(seconds):
            descriptor = key.fd
            try:
                chunk = os.read(descriptor, 65536)
            except BlockingIOError:
                continue
            child: Child | None = key.data
            if child is None:
                continue  # the wake-up pipe
            if not chunk:
                self.selector.unregister(descriptor)
                if rest := self.partial.pop(descriptor, b""):
                    self._say(child, rest)
                continue
            *lines, rest = (self.partial.get(descriptor, b"") + chunk).split(b"\n")
            self.partial[descriptor] = rest
            for text in lines:
                self._say(child, text)

    def _say(self, child: Child, raw: bytes) -> None:
        text = raw.decode(errors="replace").rstrip()
        if not child.service.discreet or (child.ready and not child.stopping):
            if child.service.labels_itself and "│" in text:
                name, _, text = text.partition("│")
                self.printer.line(name.strip(), text.removeprefix(" "))
            else:
                self.printer.line(child.service.name, text)
        else:
            child.held_back.append(text)

    def tick(self, seconds: float = 0.2) -> None:
        """One turn of the loop: output, deaths, restarts; StopRequested when it is time to go."""
        self.pump(seconds)
        if self.stop_signals:
            raise StopRequested
        self.reap()
        now = time.monotonic()
        for name, (when, service) in list(self.waiting.items()):
            if now >= when:
                del self.waiting[name]
                self.launch(service)
        for child in self.children.values():
            if not child.ready and child.service.ready():
                child.ready = True

    # -- starting

    def launch(self, service: Service) -> Child:
        process = Forked(service) if service.forked else spawn(service)
        child = Child(service, process, time.monotonic())
        self.children[service.name] = child
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        self.selector.register(process.stdout, selectors.EVENT_READ, child)
        self.on_change({name: each.process.pid for name, each in self.children.items()})
        return child

    def start(self, *services: Service) -> None:
        """Starts them together and waits until all are ready; Refused, with its words, when one is not."""
        children = [self.launch(service) for service in services]
        while waiting := [child for child in children if not child.ready]:
            self.pump(0.05)
            if self.stop_signals:
                raise StopRequested
            for child in waiting:
                service = child.service
                if exited(child.process):
                    self.drain(child)
                    raise Refused(
                        self._failure(child, f"ended at once with {ending(child.process.returncode)}")
                    )
                if service.ready():
                    self.pump(0.0)  # what it said before that still belongs to the start
                    child.ready = True
                elif time.monotonic() - child.started > service.ready_within:
                    raise Refused(self._failure(child, f"was not ready within {service.ready_within:.0f} s"))

    def _failure(self, child: Child, how: str) -> str:
        words = "\n".join(f"    {line}" for line in child.held_back)
        return f"{child.service.name} {how}." + (f" It said:\n{words}" if words else "")

    def run_jobs(self, jobs: list[Service], failure: str) -> None:
        """Runs commands to their ends, side by side, among the services; Refused(failure) when one fails."""
        names = [job.name for job in jobs]
        left = [self.launch(job) for job in jobs]
        while left:
            self.pump(0.05)
            if self.stop_signals:
                raise StopRequested
            self.reap(without=names)
            for child in [child for child in left if exited(child.process)]:
                left.remove(child)
                self.drain(child)
                del self.children[child.service.name]
                if child.process.returncode != 0:
                    how = ending(child.process.returncode)
                    raise Refused(f"{failure}: {child.service.name} ended with {how}. What it said is above.")

    # -- keeping

    def reap(self, without: Sequence[str] = ()) -> None:
        """Notices ended children and plans their restart, each time a little later."""
        for name, child in list(self.children.items()):
            if name in without or child.stopping or not exited(child.process):
                continue
            self.drain(child)
            for line in child.held_back:
                self.printer.line(name, line)
            del self.children[name]
            lived = time.monotonic() - child.started
            last = 0.0 if lived > STEADY_SECONDS else self.backoff.get(name, 0.0)
            wait = min(last * 2 or FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS)
            self.backoff[name] = wait
            self.waiting[name] = (time.monotonic() + wait, child.service)
            how = ending(child.process.returncode)
            self.printer.line(name, f"ended with {how} after {lived:.0f} s; starting it again in {wait:g} s")

    def drain(self, child: Child) -> None:
        """Prints what an ended child still had in its pipe, without waiting for a heir that holds it open."""
        pipe = child.process.stdout
        assert pipe is not None
        if pipe.closed:
            return
        descriptor = pipe.fileno()
        whole = self.partial.pop(descriptor, b"")
        try:
            while chunk := os.read(descriptor, 65536):
                whole += chunk
        except BlockingIOError:
            pass
        for text in whole.splitlines():
            self._say(child, text)
        if descriptor in self.selector.get_map():
            self.selector.unregister(descriptor)
        pipe.close()

    # -- stopping

    def stop_all(self) -> None:
        """Stops the stages in reverse order; says which child did not end with 0 or had to be killed."""
        self.waiting.clear()
        for stage in sorted({child.service.stage for child in self.children.values()}, reverse=True):
            self.stop_stage([child for child in self.children.values() if child.service.stage == stage])
        self.children.clear()

    def stop_stage(self, children: list[Child]) -> None:
        asked = time.monotonic()
        signals_before = self.stop_signals
        for child in children:
            child.stopping = True
            child.held_back.clear()
            if not exited(child.process):
                child.process.send_signal(child.service.stop_signal)
        while left := [child for child in children if not exited(child.process)]:
            self.pump(0.05)
            hurried = self.stop_signals > max(signals_before, 1)
            for child in left:
                if time.monotonic() - asked > (grace := self.grace(child, hurried=hurried)):
                    if child.ready:
                        self.printer.line(child.service.name, f"did not stop within {grace:g} s: killed")
                    kill_group(child.process.pid)
                    child.process.wait()
        for child in children:
            self.drain(child)
            if child.process.returncode != 0 and child.ready:
                for line in child.held_back:
                    self.printer.line(child.service.name, line)
                self.printer.line(child.service.name, f"stopped with {ending(child.process.returncode)}")

    def grace(self, child: Child, *, hurried: bool) -> float:
        """Seconds until SIGKILL. What keeps data always has its time; a second Ctrl-C shortens the others'.

        One that is not ready yet holds nothing: granian, told to stop while its worker loads, never does.
        """
        if child.service.stage and (hurried or not child.ready):
            return min(1.0, child.service.grace)
        return child.service.grace

    def restart(self, names: list[str]) -> None:
        """Stops these children and starts them again (code has changed)."""
        chosen = [child for name, child in self.children.items() if name in names]
        self.stop_stage(chosen)
        for child in chosen:
            del self.children[child.service.name]
            self.launch(child.service)
