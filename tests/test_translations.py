"""Every string that people read exists in both Chinese catalogues, and both say the same placeholders."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

from crm.local import environment
from crm.local.place import ROOT

LANGUAGES = ("zh_Hans", "zh_Hant")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\{.*?\}\}|\{\w*\}")
# Where strings are marked.
SOURCES = ("crm", "customers", "orders", "reviews", "service", "marketing", "templates", "static")


def catalogue(language: str, root: Path = ROOT) -> polib.POFile:
    return polib.pofile(str(root / "locale" / language / "LC_MESSAGES" / "django.po"))


def placeholders(text: str) -> list[str]:
    """Liquid's defaults may be translated, its names may not."""
    return sorted(re.sub(r"\s*\|.*?\}\}", " }}", found) for found in PLACEHOLDER.findall(text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_is_translated(language: str) -> None:
    entries = catalogue(language)
    assert len(entries) > 1_000
    assert [entry.msgid for entry in entries.untranslated_entries()] == []
    assert [entry.msgid for entry in entries.fuzzy_entries()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_kept(language: str) -> None:
    wrong = []
    for entry in catalogue(language):
        said = entry.msgstr_plural[0] if entry.msgid_plural else entry.msgstr
        if placeholders(said) != placeholders(entry.msgid_plural or entry.msgid):
            wrong.append((entry.msgid, said))
    assert wrong == []


def test_both_know_the_same_strings() -> None:
    first, second = ({(entry.msgctxt, entry.msgid) for entry in catalogue(one)} for one in LANGUAGES)
    assert first == second


def test_the_catalogues_know_every_string_of_the_code(tmp_path: Path) -> None:
    if shutil.which("xgettext") is None:
        pytest.fail("Collecting strings needs gettext. On Debian or Ubuntu: apt-get install gettext.")
    for name in SOURCES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    (tmp_path / "locale").mkdir()
    command = [sys.executable, "manage.py", "makemessages", "--no-location", "--locale", "zh_Hans"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, **environment.PLACEHOLDERS},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    marked = {(entry.msgctxt, entry.msgid) for entry in catalogue("zh_Hans", tmp_path)}
    known = {(entry.msgctxt, entry.msgid) for entry in catalogue("zh_Hans")}
    missing = sorted(msgid for _context, msgid in marked - known)
    assert missing == [], "Run `make messages` and translate what it adds."
