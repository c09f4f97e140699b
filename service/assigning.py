"""A new ticket goes to whoever's turn it is."""

from __future__ import annotations

from django.db import transaction

from crm.accounts.assignment.choosing import choose
from crm.accounts.assignment.registry import SUBJECTS
from crm.accounts.why import by_rule
from service.models import Ticket
from service.tickets import ticket_assign


@transaction.atomic
def ticket_assign_by_rule(*, ticket_id: int) -> Ticket | None:
    """The ticket with its assignee; None when somebody has it, it is solved, or no rule finds anybody.
    Doing it twice gives it once: the ticket is locked before a turn is taken."""
    rows = Ticket.objects.select_for_update(of=("self",)).select_related("customer")
    ticket = rows.filter(pk=ticket_id).first()
    if ticket is None or ticket.assignee_id is not None or ticket.is_solved:
        return None
    choice = choose(subject=SUBJECTS["tickets"], row=ticket)
    if choice is None:
        return None
    return ticket_assign(ticket=ticket, assignee=choice.member, why=by_rule(choice.rule.name))
