"""The block of ports after PORT, and who holds one that is taken."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from crm.local.place import Refused

LOOPBACK = "127.0.0.1"
TCP_LISTEN = "0A"  # the state column of /proc/net/tcp


@dataclass(frozen=True)
class Ports:
    """Seven ports; the order of the fields is their distance from PORT."""

    web: int
    live: int
    mailbox: int
    smtp: int
    imap: int
    postgres: int
    redis: int

    @classmethod
    def after(cls, base: int) -> "Ports":
        count = len(fields(cls))
        if not 1 <= base <= 65535 - count + 1:
            raise Refused(f"PORT={base} cannot be used: it must be 1 to {65535 - count + 1}.")
        return cls(*range(base, base + count))


def is_free(port: int, host: str = LOOPBACK) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as problem:
            if problem.errno == errno.EACCES:
                raise Refused(
                    f"Port {port} needs root (it is below 1024). Take another: make run PORT=8000"
                ) from None
            if problem.errno == errno.EADDRNOTAVAIL:
                raise Refused(f"HOST={host} is not an address of this machine.") from None
            return False
    return True


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def listening_inodes(port: int) -> set[str]:
    """The socket inodes that listen on the port, as Linux shows them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == TCP_LISTEN and int(columns[1].rsplit(":", 1)[1], 16) == port:
                    found.add(columns[9])
    return found


def holder(port: int) -> str:
    """ "process 4711 (python -m http.server)", or an empty string where the system does not tell."""
    inodes = listening_inodes(port)
    if not inodes:
        return ""
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # processes end and belong to others while we look
            if any(os.readlink(link) in sockets for link in (process / "fd").iterdir()):
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                return f"process {process.name} ({words.strip()[:100]})"
    return ""


def require_free(wanted: Iterable[tuple[str, int, str]]) -> None:
    """Refused, naming every (name, port, host) that is taken and who holds it."""
    taken = [(name, port) for name, port, host in wanted if not is_free(port, host)]
    if not taken:
        return
    lines = []
    for name, port in taken:
        by = holder(port)
        lines.append(f"Port {port}, wanted for {name}, is taken{f' by {by}' if by else ''}.")
    lines.append("Stop that process, or take another block of ports: make run PORT=18000")
    raise Refused("\n".join(lines))
