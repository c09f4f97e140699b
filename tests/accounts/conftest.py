"""Somebody who leaves."""

import pytest

from crm.accounts.models import Handover
from crm.accounts.services import member_deactivate
from tests.factories.accounts import make_member


@pytest.fixture
def leaver(scoped, owner):
    return make_member(scoped, "agent", name="Li Lei")


def left(leaver):
    """Their open transfer, after they were deactivated."""
    member_deactivate(membership=leaver)
    return Handover.objects.get(member=leaver)
