"""Two people who export, and a place of their own for the files."""

from __future__ import annotations

import pytest

from crm.accounts.models import Membership
from tests.factories.accounts import make_member


@pytest.fixture(autouse=True)
def _own_media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def owner(merchant) -> Membership:
    return make_member(
        merchant, "owner", email="owner@example.com", name="Olga Owner", password="a tea a day"
    )


@pytest.fixture
def manager(merchant) -> Membership:
    return make_member(merchant, "manager", email="mia@example.com", name="Mia Manager")
