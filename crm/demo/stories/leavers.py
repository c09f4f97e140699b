"""Two colleagues who left: one handed over with a receipt, one still to be; and who gets what comes in."""

from __future__ import annotations

from datetime import datetime, timedelta

from crm.accounts.assignment.services import rule_create
from crm.accounts.changes import team_save
from crm.accounts.handover.asking import Ask, handover_assign
from crm.accounts.models import Handover, Membership, Merchant
from crm.accounts.permissions import Role
from crm.accounts.services import member_add, member_deactivate
from crm.events.actor import acting
from customers.models import Company, Customer
from customers.todos.services import task_add
from service.models import Ticket
from service.tickets import ticket_assign

# (e-mail, name, customers of theirs, what they had to do)
GONE = [
    ("fang@demo.test", "周芳 Fang Zhou", 12, "回访：春茶样品寄到了吗"),
    ("tomas@demo.test", "Tomás Herrera", 9, "Call the hotel about the second delivery"),
]


def leavers_write(*, merchant: Merchant, members: list[Membership], now: datetime) -> None:
    """The owner shared out the first one's things evenly; the second one's wait."""
    by_role = {member.role: member for member in members}
    owner, manager, agent = by_role[Role.OWNER], by_role[Role.MANAGER], by_role[Role.AGENT]
    _rules(merchant, manager, agent)
    with acting(f"user:{owner.user_id}"):
        for number, (email, name, count, title) in enumerate(GONE):
            gone = member_add(merchant=merchant, email=email, name=name, role=Role.AGENT)
            _give(merchant, gone, agent, count, title, now)
            member_deactivate(membership=gone)
            if number == 0:
                ask = Ask("even", ["customers", "companies", "tickets", "tasks"], [manager.pk, agent.pk])
                handover_assign(handover=Handover.objects.get(member=gone), ask=ask, by=owner)


def _give(
    merchant: Merchant, gone: Membership, agent: Membership, count: int, title: str, now: datetime
) -> None:
    """What they held on their last day: some of what the agent has."""
    theirs = Customer.objects.present().filter(owner=agent).order_by("pk")[:count]
    Customer.objects.filter(pk__in=list(theirs.values_list("pk", flat=True))).update(owner=gone)
    firm = Company.objects.active().filter(owner=agent).order_by("pk").first()
    if firm is not None:
        Company.objects.filter(pk=firm.pk).update(owner=gone)
    for ticket in Ticket.objects.unsolved().filter(assignee=agent).order_by("pk")[:2]:
        ticket_assign(ticket=ticket, assignee=gone)
    due = now.astimezone(merchant.zone).date() + timedelta(days=4)
    task_add(merchant=merchant, creator=agent, assignee=gone, title=title, due_on=due)


def _rules(merchant: Merchant, manager: Membership, agent: Membership) -> None:
    team = team_save(merchant=merchant, name="客服 Care")
    for member in (manager, agent):
        member.team = team
        member.save(update_fields=["team"])
    rule_create(
        merchant=merchant,
        subject="tickets",
        name="Late parcels",
        people=[agent.pk],
        conditions={"cause": ["late_parcel"]},
    )
    rule_create(
        merchant=merchant, subject="tickets", name="客服轮流 Care in turns", team=team, is_default=True
    )
    rule_create(
        merchant=merchant,
        subject="customers",
        name="浙江 Zhejiang",
        people=[manager.pk],
        conditions={"region": ["浙江", "Zhejiang"]},
        method="least",
    )
