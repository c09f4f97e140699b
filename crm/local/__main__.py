"""`python -m crm.local …`, the commands behind the Makefile."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from crm.local import backup, benching, cleaning, environment, messages, running, testcluster, testing
from crm.local.place import ROOT, Refused


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="python -m crm.local")
    commands = whole.add_subparsers(dest="command", required=True)
    for name, text in (("run", "the whole stack"), ("services", "PostgreSQL, Redis and the mailbox")):
        one = commands.add_parser(name, help=f"{text}, until Ctrl-C")
        one.add_argument("--port", type=int, default=8000)
        one.add_argument("--host", default="127.0.0.1")
    manage = commands.add_parser("manage", help="manage.py with the services around it")
    manage.add_argument("--port", type=int, default=8000)
    manage.add_argument("arguments", nargs=argparse.REMAINDER)
    measure = commands.add_parser("bench", help="the benchmarks, on a database of their own")
    measure.add_argument("--port", type=int, default=8000)
    measure.add_argument("arguments", nargs=argparse.REMAINDER)
    catalogues = commands.add_parser("messages", help="compile the translations")
    catalogues.add_argument("--collect", action="store_true", help="first gather the strings")
    for name in ("backup", "restore"):
        one = commands.add_parser(name, help="database, uploads and keys in one tar file")
        one.add_argument("--port", type=int, default=8000)
        one.add_argument("file", type=Path)
    commands.add_parser("static", help="collect, hash and compress the browser's files into STATIC_ROOT")
    test = commands.add_parser("test", help="every check and test")
    test.add_argument("--only", choices=["check", "unit", "browser"], default="")
    test.add_argument("more", nargs=argparse.REMAINDER, help="further words for pytest")
    commands.add_parser("clean", help="remove the state folder")
    cluster = commands.add_parser("testcluster", help="the PostgreSQL that test runs share")
    cluster.add_argument("action", choices=["keep", "stop"])
    return whole


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        return dispatch(options)
    except Refused as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def dispatch(options: argparse.Namespace) -> int:
    if options.command in {"run", "services"}:
        return running.run(options.port, options.host, services_only=options.command == "services")
    if options.command in {"manage", "bench"}:
        work = running.manage if options.command == "manage" else benching.bench
        words = options.arguments
        return work(words[1:] if words[:1] == ["--"] else words, options.port)
    if options.command == "test":
        return testing.run(options.only, options.more)
    if options.command in {"backup", "restore"}:
        act = backup.backup if options.command == "backup" else backup.restore
        return act(options.file, options.port)
    if options.command == "static":
        command = [sys.executable, "-m", "crm.local.prepare", "static"]
        return subprocess.run(
            command, cwd=ROOT, env={**os.environ, **environment.PLACEHOLDERS}, check=False
        ).returncode
    if options.command == "clean":
        return cleaning.clean()
    if options.command == "testcluster":
        return testcluster.keep() if options.action == "keep" else testcluster.stop()
    if options.collect:
        messages.collect()
    for po in messages.compile_all():
        print(f"compiled {po.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
