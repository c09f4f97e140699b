"""Translations: .po files to the git-ignored .mo files that Django reads, without the system's gettext."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from crm.local import environment
from crm.local.place import ROOT, Refused

LANGUAGES = ("zh_Hans", "zh_Hant")


def catalogues() -> list[Path]:
    folders = [ROOT / "locale", *(path for path in ROOT.glob("*/locale") if path.parent.name[0] != ".")]
    return sorted(po for folder in folders for po in folder.glob("*/LC_MESSAGES/*.po"))


def compile_what_can() -> None:
    """For a start: a catalogue with a mistake costs its language, not the product."""
    try:
        compile_all()
    except Refused as problem:
        print(f"{problem}; that language stays as it was.", file=sys.stderr, flush=True)


def compile_all() -> list[Path]:
    """The catalogues that were compiled: those whose .mo is missing or older. Fuzzy entries stay English."""
    done = []
    for po in catalogues():
        mo = po.with_suffix(".mo")
        if mo.exists() and mo.stat().st_mtime_ns >= po.stat().st_mtime_ns:
            continue
        try:
            with po.open("rb") as source:
                catalogue = read_po(source, locale=po.parts[-3], abort_invalid=True)
        except (PoFileError, ValueError) as problem:
            raise Refused(f"{po.relative_to(ROOT)} cannot be read: {problem}") from problem
        draft = mo.with_suffix(".mo.new")
        with draft.open("wb") as target:
            write_mo(target, catalogue)
        draft.replace(mo)
        done.append(po)
    return done


def collect() -> None:
    """Gathers every marked string into locale/*/LC_MESSAGES/django.po (needs the system's gettext)."""
    if shutil.which("xgettext") is None:
        raise Refused("Collecting strings needs gettext. On Debian or Ubuntu: apt-get install gettext.")
    (ROOT / "locale").mkdir(exist_ok=True)
    command = [sys.executable, "manage.py", "makemessages", "--no-location", "--no-wrap", "--no-obsolete"]
    for language in LANGUAGES:
        command += ["--locale", language]
    for folder in ("tests", "bench", "assets", "node_modules", ".venv", ".local"):
        command += ["--ignore", f"{folder}/*"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment.PLACEHOLDERS}, check=False)
    if done.returncode != 0:
        raise Refused("makemessages failed; what it said is above.")
