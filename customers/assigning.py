"""A new customer goes to whoever's turn it is."""

from __future__ import annotations

from django.db import transaction

from crm.accounts.assignment.choosing import choose
from crm.accounts.assignment.registry import SUBJECTS
from crm.accounts.models import Membership
from crm.accounts.why import by_rule
from crm.events.emitting import emit
from customers import events
from customers.models import Customer


@transaction.atomic
def customer_assign_by_rule(*, customer_id: int) -> Membership | None:
    """Who owns the customer from now on; None when somebody does already, they are gone, or no rule finds
    anybody. A rule for a team makes the customer the team's as well. Doing it twice gives it once."""
    rows = Customer.objects.present().select_for_update(of=("self",))
    customer = rows.filter(pk=customer_id, owner__isnull=True).first()
    if customer is None:
        return None
    choice = choose(subject=SUBJECTS["customers"], row=customer)
    if choice is None:
        return None
    customer.owner = choice.member
    changes = ["owner"]
    if choice.rule.team_id and customer.team_id is None:
        customer.team_id = choice.rule.team_id
        changes.append("team")
    customer.save(update_fields=[*changes, "updated_at"])
    emit(
        events.CUSTOMER_CHANGED,
        merchant=customer.merchant_id,
        customer=customer,
        subject=customer,
        data={
            "changes": ", ".join(changes),
            "owner": str(choice.member.user),
            "why": by_rule(choice.rule.name),
        },
    )
    return choice.member
