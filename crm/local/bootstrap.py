#!/usr/bin/env python3
"""Makes .venv, the locked libraries and the browser's files, and does nothing when nothing changed.

Run by the system's python3, so: standard library only, and no import from the project.
`bootstrap.py run` is enough to run the product, `bootstrap.py dev` adds what `make test` needs,
`bootstrap.py assets` makes only the browser's files.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
ASSETS = ROOT / "assets"
PYTHON_STAMP = VENV / "guanxi-stamp.json"
ASSETS_STAMP = ASSETS / "stamp.txt"

OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20  # @tabler/core says so in its "engines"


class Stop(Exception):
    """Something the person at the keyboard has to mend; the text says how."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def call(command: list[str], failure: str, env: "dict[str, str] | None" = None) -> None:
    """Runs the command, its output on stderr; Stop(failure) when it fails."""
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=sys.stderr.fileno(), check=False)
    if done.returncode != 0:
        raise Stop(f"{failure} (`{' '.join(command[:4])} …` ended with {done.returncode})")


def digest(*paths: Path) -> str:
    """SHA-256 over the files' names and contents."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


# --- Python -----------------------------------------------------------------------------------------------


def ensure_python_version() -> None:
    """Goes on under a newer python3.x from PATH when this one is too old."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    for minor in range(20, OLDEST_PYTHON[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])
    raise Stop(
        "Guanxi needs Python 3.11 or newer; this is "
        + platform.python_version()
        + ". Install one, or name it: make run PYTHON=/path/to/python3.11"
    )


def uv() -> "str | None":
    inside = VENV / "bin" / "uv"
    return str(inside) if inside.exists() else shutil.which("uv")


def bring_uv() -> "str | None":
    """uv from its locked wheel: with it the whole install is several times quicker than by pip alone."""
    locked = (ROOT / "requirements-dev.txt").read_text()
    block = re.search(r"^uv==.*?(?=^\S|\Z)", locked, re.MULTILINE | re.DOTALL)
    if not block:
        return None
    lock = VENV / "uv.txt"
    lock.write_text(block.group(0))
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--require-hashes", "--only-binary=:all:", "-r", str(lock)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    return uv() if done.returncode == 0 else None  # a machine that uv has no wheel for installs by pip


def make_venv() -> None:
    """A working .venv; one whose interpreter has gone (a moved or upgraded Python) is made anew."""
    works = PYTHON.exists() and (
        subprocess.run([str(PYTHON), "-c", ""], capture_output=True, check=False).returncode == 0
    )
    if works:
        return
    say("Making .venv …")
    installer = shutil.which("uv")
    if installer:
        call(
            [installer, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)],
            "uv made no .venv",
        )
        return
    try:
        import ensurepip  # noqa: F401  Debian ships python3 without it
    except ImportError:
        raise Stop(
            "This Python cannot make a virtual environment with pip. On Debian or Ubuntu: "
            "apt-get install python3-venv. Elsewhere install uv and run again."
        ) from None
    call([sys.executable, "-m", "venv", "--clear", str(VENV)], "Python made no .venv")


def installed() -> "dict[str, str]":
    try:
        stamp = json.loads(PYTHON_STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def install_requirements(name: str) -> None:
    """Installs the locked file unless exactly this file was installed into this .venv before."""
    lock = ROOT / name
    key = digest(lock)
    if PYTHON.exists() and installed().get(name) == key:
        return
    make_venv()
    if installed().get(name) == key:
        return
    say(f"Installing {name} …")
    tool = uv() or bring_uv()
    if tool:
        head = [tool, "pip", "install", "--quiet", "--python", str(PYTHON)]
    else:
        head = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    call([*head, "--require-hashes", "-r", str(lock)], f"{name} could not be installed")
    stamp = {**installed(), name: key}
    if name == "requirements-dev.txt":  # it holds everything of the smaller one
        stamp["requirements.txt"] = digest(ROOT / "requirements.txt")
    PYTHON_STAMP.write_text(json.dumps(stamp, indent=1))


# --- what the browser loads -------------------------------------------------------------------------------


def node_version(node: str) -> int:
    """The major version of this Node, 0 when it does not run."""
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    found = re.match(r"v(\d+)\.", done.stdout)
    return int(found.group(1)) if found else 0


def npm() -> "tuple[str, dict[str, str]]":
    """The npm to call and its environment; brings Node into .venv from its wheel when the system has none."""
    env = dict(os.environ)
    home = Path(env.get("HOME", "/nonexistent"))
    if not os.access(home, os.W_OK):
        env["npm_config_cache"] = str(ROOT / ".local" / "npm-cache")
    node, tool = shutil.which("node"), shutil.which("npm")
    if node and tool and node_version(node) >= OLDEST_NODE:
        return tool, env
    say(f"No Node {OLDEST_NODE}+ with npm on PATH: taking it from its Python wheel.")
    install_requirements("requirements-node.txt")
    env["PATH"] = f"{VENV / 'bin'}{os.pathsep}{env.get('PATH', '')}"
    return str(VENV / "bin" / "npm"), env


def copy_asset(source: Path, target: Path) -> None:
    """Copies one dist file without its source map line, which the hashed static storage would look up."""
    text = source.read_bytes()
    if target.suffix in {".css", ".js"}:
        text = re.sub(rb"\s*(/\*|//)# sourceMappingURL=[^\n]*", b"", text) + b"\n"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text)


def make_assets() -> None:
    """Fills assets/ with the files that package.json names under assetFiles."""
    package, lock = ROOT / "package.json", ROOT / "package-lock.json"
    key = digest(package, lock)
    wanted = json.loads(package.read_text())["assetFiles"]
    complete = all((ASSETS / target).is_file() for target in wanted.values())
    if complete and ASSETS_STAMP.is_file() and ASSETS_STAMP.read_text() == key:
        return
    say("Fetching the browser's files …")
    tool, env = npm()
    call([tool, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], "npm failed", env)
    shutil.rmtree(ASSETS, ignore_errors=True)
    for source, target in sorted(wanted.items()):
        origin = ROOT / "node_modules" / source
        if not origin.is_file():
            raise Stop(f"package.json names {source} under assetFiles, but the package holds no such file.")
        copy_asset(origin, ASSETS / target)
    ASSETS_STAMP.write_text(key)


def main(arguments: "list[str]") -> int:
    what = arguments[0] if arguments else "run"
    try:
        ensure_python_version()
        if what not in {"run", "dev", "assets"}:
            raise Stop("bootstrap.py takes one of: run, dev, assets")
        if not os.access(ROOT, os.W_OK):
            raise Stop(f"{ROOT} is not writable for this user: clone the project to a folder of your own.")
        if what != "assets":
            install_requirements("requirements-dev.txt" if what == "dev" else "requirements.txt")
        make_assets()
    except Stop as problem:
        say(f"\n{problem}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
