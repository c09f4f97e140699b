"""The counts beside the navigation are kept for some seconds, and counted anew when staff did something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from crm.accounts import nav_counts
from crm.accounts.routes import staff_door
from tests.factories.accounts import make_member


@pytest.fixture
def counting(settings) -> Iterator[int]:
    """1, 2, 3 …: one number for each time that somebody really counts."""
    settings.NAV_COUNT_SECONDS = 30
    return iter(range(1, 10))


def seen(member, numbers) -> int:
    return nav_counts.counts_of(member, lambda: {"inbox": next(numbers)})["inbox"]


def test_they_are_kept_for_each_member_apart(merchant, counting):
    first, second = make_member(merchant), make_member(merchant)
    assert [seen(first, counting), seen(first, counting), seen(second, counting)] == [1, 1, 2]


@pytest.mark.parametrize("method, after", [("get", 1), ("head", 1), ("post", 2)])
def test_what_staff_do_counts_at_once(merchant, counting, method, after, django_capture_on_commit_callbacks):
    member = make_member(merchant)
    assert seen(member, counting) == 1
    request = getattr(RequestFactory(), method)("/")
    request.user, request.membership, request.merchant = member.user, member, merchant
    with django_capture_on_commit_callbacks(execute=True):
        staff_door(lambda request: HttpResponse("done"), "home.view")(request)
    assert seen(member, counting) == after


def test_another_shops_work_changes_nothing_here(merchant, rival, counting):
    member = make_member(merchant)
    assert seen(member, counting) == 1
    nav_counts.forget(rival.pk)
    assert seen(member, counting) == 1


def test_nothing_is_kept_where_it_is_switched_off(merchant, counting, settings):
    settings.NAV_COUNT_SECONDS = 0
    member = make_member(merchant)
    assert [seen(member, counting), seen(member, counting)] == [1, 2]


def test_without_redis_it_counts(merchant, counting, settings):
    nobody = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": nobody}
    member = make_member(merchant)
    assert [seen(member, counting), seen(member, counting)] == [1, 2]
    nav_counts.forget(merchant.pk)
