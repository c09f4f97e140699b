"""Test runs side by side share one PostgreSQL and nothing else."""

import os

import pytest
from django.conf import settings
from django.db import connection

from tests.support import services


@pytest.mark.django_db
@pytest.mark.parametrize("turn", range(4))  # so that with -n 2 both processes look
def test_this_process_reads_its_own_services(turn):
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")

    assert connection.settings_dict["NAME"] == "_".join(filter(None, [f"test_crm_{services.SUFFIX}", worker]))
    assert os.environ["REDIS_URL"] == settings.REDIS_URL
    assert f"test-{services.RUN}" == settings.REDIS_PREFIX
    assert worker in settings.REDIS_PREFIX
    assert f"http://127.0.0.1:{services.WEB_PORT}" == settings.PUBLIC_URL
