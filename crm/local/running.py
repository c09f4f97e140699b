"""`make run`, `make services` and `make manage`: the stack in the foreground, or around one command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crm.local import messages, prepared
from crm.local.place import ROOT, Busy, Place, Refused
from crm.local.ports import Ports, free_port, is_free, require_free
from crm.local.processes import (
    Child,
    Printer,
    Process,
    Service,
    StopRequested,
    Supervisor,
    exited,
    kill_group,
    spawn,
)
from crm.local.stack import JOB_STAGE, Stack, status
from crm.local.welcome import services_text, welcome_text

# How long a stopping owner waits for commands that still use its services.
PATIENCE_SECONDS = 600.0
READY_WITHIN_SECONDS = 40.0
SERVICES_WITHIN_SECONDS = 120.0
# The longest proper stop of what a killed supervisor left behind.
LEFTOVER_SECONDS = 10.0


def start_time(pid: int) -> str:
    """Tells a process from a later one with the same pid; empty where the system does not say."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


def sweep_leftovers(earlier: dict[str, Any]) -> None:
    """Waits for the children of a supervisor that was killed, then kills what is left of them.

    On Linux the kernel has told them to stop; a hanging one, or another system, needs this.
    """
    left = {pid: started for pid, started in earlier.get("children", {}).values() if started}
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while left := {pid: started for pid, started in left.items() if start_time(pid) == started}:
        if time.monotonic() > deadline:
            for pid in left:
                kill_group(pid)
            return
        time.sleep(0.1)


class Record:
    """Keeps running.json true: who runs, where, which children, and whether the services can be used."""

    def __init__(self, stack: Stack, command: str) -> None:
        self.stack, self.command = stack, command
        self.pids: dict[str, int] = {}
        self.usable = False

    def children(self, pids: dict[str, int]) -> None:
        self.pids = pids
        self.write()

    def services_ready(self) -> None:
        self.usable = True
        self.write()

    def write(self) -> None:
        stack = self.stack
        stack.place.write_running(
            {
                "command": self.command,
                "pid": os.getpid(),
                "PUBLIC_URL": stack.env["PUBLIC_URL"],
                "host": stack.host,
                "ports": vars(stack.ports),
                "usable": self.usable,
                "children": {name: [pid, start_time(pid)] for name, pid in self.pids.items()},
            }
        )


def run(port: int, host: str, *, services_only: bool = False) -> int:
    """The whole stack (or only its services) until Ctrl-C."""
    command = "make services" if services_only else "make run"
    place = Place.from_environment().prepare()
    stack = Stack.build(place, Ports.after(port), host)
    printer = Printer(sys.stdout)
    with place.owned(command) as earlier:
        sweep_leftovers(earlier)
        require_free(
            [*stack.data_ports(), *stack.mail_ports(), *([] if services_only else stack.work_ports())]
        )
        messages.compile_what_can()
        record = Record(stack, command)
        supervisor = Supervisor(printer)
        supervisor.on_change = record.children
        try:
            with supervisor:
                start(supervisor, stack, record, services_only=services_only)
                keep(supervisor, reload=stack.env.get("DEBUG", "").lower() in {"1", "true", "yes", "on"})
        except StopRequested:
            printer.plain("Stopped.")
    return 0


def start(supervisor: Supervisor, stack: Stack, record: Record, *, services_only: bool) -> None:
    printer = supervisor.printer
    began = time.monotonic()
    printer.plain("Starting PostgreSQL, Redis and the mailbox …")
    supervisor.start(*stack.data_services(), stack.mailbox())
    stack.ensure_database()
    record.services_ready()
    if services_only:
        printer.plain(services_text(stack))
        return
    prepare(supervisor, stack)
    printer.plain("Starting web, live, workers and beat …")
    supervisor.start(*stack.work_services())
    ready = wait_until_ready(supervisor, stack)
    printer.plain(welcome_text(stack, seconds=time.monotonic() - began, ready=ready))


def prepare(supervisor: Supervisor, stack: Stack) -> None:
    """Migrations, static files, demo shop; skipped when nothing has changed since the last time."""
    port = stack.ports.postgres if stack.owns_database else None
    jobs = []
    for name in prepared.jobs_due(stack.place, stack.env, port):
        command = [sys.executable, "-m", "crm.local.prepare", name]
        command += ["embedded"] if stack.owns_database else []
        jobs.append(Service(name, command, stack.env, discreet=False, stage=JOB_STAGE))
    supervisor.run_jobs(jobs, "The start was not prepared")
    prepared.remember(stack.place, stack.env)


def wait_until_ready(supervisor: Supervisor, stack: Stack) -> bool:
    """Whether /readyz said yes (a worker was heard) within the time."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if status(f"{stack.web_address}/readyz") == 200:
            return True
        again = time.monotonic() + 0.25
        while time.monotonic() < again:
            supervisor.tick(0.1)
    return False


def keep(supervisor: Supervisor, *, reload: bool) -> None:
    """Runs until asked to stop; with DEBUG, code changes restart what runs the code."""
    seen = newest_change() if reload else 0
    looked = time.monotonic()
    while True:
        supervisor.tick(0.5)
        if reload and time.monotonic() - looked > 1:
            looked = time.monotonic()
            if (now := newest_change()) > seen:
                seen = now
                supervisor.printer.plain("Code has changed: restarting.")
                supervisor.restart(
                    [name for name, child in supervisor.children.items() if child.service.watch]
                )


def newest_change() -> int:
    files = (path for package in prepared.PACKAGES for path in (ROOT / package).rglob("*.py"))
    return max((path.stat().st_mtime_ns for path in files), default=0)


# --- one command with the services around it ---------------------------------------------------------------


def manage(arguments: list[str], port: int) -> int:
    """manage.py's exit code. Uses the services that run; starts them for the command when none do. A database
    without any table gets them first, so that a shop can be made before the first `make run`."""
    place = Place.from_environment().prepare()

    def work(stack: Stack) -> int:
        if stack.owns_database and not prepared.has_tables(place, stack.ports.postgres):
            tables_make(stack)
        return call_manage(stack, arguments)

    return with_services(place, port, work)


def tables_make(stack: Stack) -> None:
    command = [sys.executable, "-m", "crm.local.prepare", "tables"]
    if subprocess.run(command, cwd=ROOT, env=stack.env, stdout=sys.stderr, check=False).returncode != 0:
        raise Refused("The tables of the new database could not be made; what was said is above.")


def with_services(place: Place, port: int, action: Callable[[Stack], int]) -> int:
    """What `action` returns, called while the services can be used; leaves them as they were found."""
    while True:
        with place.used():
            if place.is_owned():
                return action(running_stack(place))
        try:
            with place.owned("make manage") as earlier:
                sweep_leftovers(earlier)
                return with_own_services(place, Stack.build(place, spare_ports(port)), action)
        except Busy:
            time.sleep(0.1)  # another command came first; use its services


def running_stack(place: Place) -> Stack:
    """The stack that another process owns; waits until its services can be used."""
    deadline = time.monotonic() + SERVICES_WITHIN_SECONDS
    while time.monotonic() < deadline and place.is_owned():
        known = place.running()
        if known.get("usable"):
            return Stack.build(place, Ports(**known["ports"]), known["host"])
        time.sleep(0.1)
    raise Refused("Another process is just starting or stopping the services; try again in a moment.")


def spare_ports(port: int) -> Ports:
    """The usual block where PostgreSQL's and Redis's places are free, else any two free ports."""
    ports = Ports.after(port)
    if is_free(ports.postgres) and is_free(ports.redis):
        return ports
    return Ports(**{**vars(ports), "postgres": free_port(), "redis": free_port()})


def with_own_services(place: Place, stack: Stack, action: Callable[[Stack], int]) -> int:
    messages.compile_what_can()
    services = stack.data_services()
    children = [Child(service, spawn(service, subprocess.DEVNULL), time.monotonic()) for service in services]
    pids = {child.service.name: child.process.pid for child in children}
    try:
        record = Record(stack, "make manage")
        record.children(pids)
        wait_for(children)
        stack.ensure_database()
        record.services_ready()
        code = action(stack)
        if not place.wait_unused(0):
            print("Other commands still use the services: waiting for them.", file=sys.stderr)
            place.wait_unused(PATIENCE_SECONDS)
        return code
    finally:
        for child in reversed(children):
            stop(child.service, child.process)


def wait_for(children: list[Child]) -> None:
    for child in children:
        deadline = time.monotonic() + child.service.ready_within
        while not child.service.ready():
            if exited(child.process) or time.monotonic() > deadline:
                raise Refused(f"{child.service.name} did not start; `make services` shows what it says.")
            time.sleep(0.05)


def stop(service: Service, process: Process) -> None:
    process.send_signal(service.stop_signal)
    try:
        process.wait(service.grace)
    except subprocess.TimeoutExpired:
        kill_group(process.pid)
        process.wait()


def call_manage(stack: Stack, arguments: list[str]) -> int:
    """Runs manage.py at this terminal; Ctrl-C is the command's to handle, we only wait for it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=stack.env,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        code = child.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code
