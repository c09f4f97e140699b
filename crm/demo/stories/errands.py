"""What the demo shop's colleagues have to do: late, today, this week, again and again, and done."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from crm.accounts.models import Membership, Merchant
from crm.accounts.permissions import Role
from customers.models import Company, Customer
from customers.todos.services import task_add, task_done

# (title, whose, days from today, clock, minutes the reminder comes ahead, rule, priority)
ERRANDS = [
    ("回访：上周的破损包裹是否满意", Role.AGENT, -2, None, None, "", 2),
    ("Send the spring price list", Role.MANAGER, -1, None, None, "", 1),
    ("给江南茶业集团寄样茶", Role.OWNER, -1, None, None, "", 2),
    ("Call about the unpaid invoice", Role.OWNER, 0, time(18, 30), 30, "", 2),
    ("核对分销商本周到货", Role.OWNER, 0, None, None, "FREQ=WEEKLY", 1),
    ("Answer the hotel's question on delivery dates", Role.AGENT, 0, time(19, 0), 60, "", 1),
    ("月末对账", Role.MANAGER, 3, None, None, "FREQ=MONTHLY;BYMONTHDAY=-1", 1),
    ("Ask Nordlicht for their Christmas volumes", Role.OWNER, 2, time(16, 0), 24 * 60, "", 1),
    ("早会：看昨天的投诉", Role.AGENT, 1, time(9, 30), 10, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", 0),
    ("Renew the contract with the tea mill", Role.MANAGER, 12, None, None, "", 1),
]
DONE = ["确认展会样品清单", "Write to the three newest distributors"]


def errands_write(*, merchant: Merchant, members: list[Membership], now: datetime) -> None:
    """Tasks about customers and companies in turn, so that their pages have some too."""
    by_role = {member.role: member for member in members}
    people = list(Customer.objects.order_by("pk")[: len(ERRANDS)])
    firms = list(Company.objects.order_by("pk")[: len(ERRANDS)])
    today = now.astimezone(merchant.zone).date()
    for number, (title, role, days, clock, ahead, rule, priority) in enumerate(ERRANDS):
        day = today + timedelta(days=days)
        due_at = datetime.combine(day, clock, tzinfo=merchant.zone) if clock else None
        remind_at = due_at - timedelta(minutes=ahead) if due_at and ahead else None
        about_firm = number % 2 == 0 and number < len(firms)
        task_add(
            merchant=merchant,
            creator=by_role[Role.MANAGER],
            title=title,
            assignee=by_role[role],
            company=firms[number] if about_firm else None,
            customer=None if about_firm or number >= len(people) else people[number],
            due_on=None if due_at else day,
            due_at=due_at,
            remind_at=remind_at,
            rule=rule,
            priority=priority,
        )
    for title in DONE:
        task = task_add(merchant=merchant, creator=by_role[Role.AGENT], title=title)
        task_done(task=task, by=by_role[Role.AGENT])
