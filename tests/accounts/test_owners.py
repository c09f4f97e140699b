"""A shop keeps an owner, also when two of them go at once."""

import threading

import pytest
from django.db import connections, transaction

from crm.accounts.changes import member_change
from crm.accounts.models import Membership
from crm.accounts.services import member_deactivate
from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from tests.factories.accounts import make_member
from tests.support.locks import waiting_sessions
from tests.support.processes import wait_until


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("case", "go"),
    [
        ("deactivated", lambda one: member_deactivate(membership=one)),
        (
            "another role",
            lambda one: member_change(membership=one, role="agent", team=None, visibility="all", actor=one),
        ),
    ],
)
def test_of_two_owners_who_go_at_once_one_stays(merchant, case, go):
    owners = [make_member(merchant, "owner") for _ in range(2)]
    said = []

    def leave(owner):
        try:
            with merchant_scope(merchant):
                go(owner)
            said.append("gone")
        except Rejected as refusal:
            said.append(refusal.code_name)
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=leave, args=[one]) for one in reversed(owners)]
    with transaction.atomic():  # holds both up until both are under way
        Membership.objects.select_for_update().get(pk=owners[0].pk)
        for number, thread in enumerate(threads, start=1):
            thread.start()
            wait_until(lambda so_many=number: waiting_sessions() == so_many, what="they wait")
    for thread in threads:
        thread.join(timeout=30)

    assert sorted(said) == ["gone", "last_owner"]
    assert Membership.objects.filter(merchant=merchant, role="owner", is_active=True).count() == 1
