"""What web, worker and beat leave out of their memory until they need it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.settings_names import ROOT

WEB = "import crm.wsgi; from django.urls import get_resolver; get_resolver().url_patterns"
CELERY = "from crm.celery import app; app.loader.import_default_modules(); app.finalize()"
SEARCH = "from customers.tokens import search_terms; assert search_terms('李晓梅 li')"
LOADED = (
    "import sys; print(sorted({name.partition('.')[0] for name in sys.modules} & {'pypinyin', 'orders'}))"
)


@pytest.mark.parametrize(
    "process", [WEB, CELERY, f"{WEB}; {SEARCH}"], ids=["web", "celery", "web, searching"]
)
def test_the_tables_of_readings_wait_for_a_name(process: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{process}; {LOADED}"],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['orders']"
