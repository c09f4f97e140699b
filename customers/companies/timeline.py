"""A firm's story: what happened to it, and to the people who belong to it or speak for it."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.events.models import Event
from crm.lib.keyset import keyset_page
from customers.companies.contacts import contacts_of
from customers.models import Company, Customer
from customers.timeline import FIRST_PAGE, ORDER, PAGE, Story, entries_of, kinds, narrowed

SUBJECT = "customers.company"
# Whose events stand in the firm's story; of a firm with more people, of those that came last.
MOST_PEOPLE = 200
OWN = "company"


def company_kinds() -> list[tuple[str, str]]:
    """(value, label) of the filter: the firm alone, then the apps."""
    return [(OWN, _("Only the company")), *kinds()]


def story_of_company(
    *, membership: Membership, company: Company, kind: str = "", text: str = "", after: str = ""
) -> Story:
    """The newest first. Five queries: people, events, their actors, their notes, the people's names."""
    whose = Q(subject_type=SUBJECT, subject_id=company.pk)
    people: dict[int, str] = {}
    if kind != OWN:
        visible = Customer.objects.visible_to(membership).values("pk")
        rows = contacts_of(company).filter(pk__in=visible).order_by("-pk")[:MOST_PEOPLE]
        people = {one.pk: str(one) for one in rows}
        whose |= Q(customer_id__in=list(people))
    events = narrowed(Event.objects.filter(whose), "" if kind == OWN else kind, text)
    page = keyset_page(events, order=ORDER, after=after, size=PAGE if after else FIRST_PAGE)
    return Story(entries_of(page.rows, membership, people=people), page.after)
