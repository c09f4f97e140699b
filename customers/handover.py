"""What of customers, companies and tasks is somebody's, and how it goes to somebody else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.accounts.assignment.registry import Choices, Condition, Subject, add_subject
from crm.accounts.handover.registry import HOLDINGS, Given, Holding, Letter, Transfer, add_holding
from crm.accounts.handover.selectors import loads_of
from crm.accounts.models import Membership, Merchant
from crm.events.emitting import Draft, emit_many
from crm.integrations.mail import post
from crm.lib.ids import row_id
from customers import events
from customers.companies.events import COMPANY_CHANGED
from customers.consent import address_digest
from customers.filters import facet
from customers.models import Company, Customer, Suppression, Task
from customers.models.consent import Channel
from customers.normalising import is_masked
from customers.todos.events import TASK_CHANGED
from customers.todos.services import subject_of, tasks_hand_on
from customers.visibility import in_region


def _own(given: Sequence[Given]) -> list[Any]:
    now = timezone.now()
    for one in given:
        one.row.owner, one.row.updated_at = one.receiver, now
    return [one.row for one in given]


def _facts(one: Given, transfer: Transfer) -> dict[str, Any]:
    return {"changes": "owner", "owner": str(one.receiver.user), "why": transfer.why}


def customers_hand_on(given: Sequence[Given], transfer: Transfer) -> None:
    """The receivers own them from now on."""
    Customer.objects.bulk_update(_own(given), ["owner", "updated_at"])
    label = Customer._meta.label_lower
    drafts = [
        Draft(events.CUSTOMER_CHANGED, one.row.pk, label, one.row.pk, _facts(one, transfer)) for one in given
    ]
    emit_many(drafts, merchant=transfer.merchant_id, backfill=transfer.large)


def companies_hand_on(given: Sequence[Given], transfer: Transfer) -> None:
    Company.objects.bulk_update(_own(given), ["owner", "updated_at"])
    label = Company._meta.label_lower
    drafts = [
        Draft(
            COMPANY_CHANGED,
            None,
            label,
            one.row.pk,
            {"company": one.row.name, "source": "handover", **_facts(one, transfer)},
        )
        for one in given
    ]
    emit_many(drafts, merchant=transfer.merchant_id, backfill=transfer.large)


def open_tasks_hand_on(given: Sequence[Given], transfer: Transfer) -> None:
    """Days fall due in the zone of whoever has them from now on."""
    tasks_hand_on([(one.row, one.receiver) for one in given])
    drafts = [
        Draft(
            TASK_CHANGED,
            one.row.customer_id,
            subject._meta.label_lower,
            subject.pk,
            {"task": one.row.pk, "title": one.row.title, "changes": "assignee", "why": transfer.why},
        )
        for one in given
        for subject in [subject_of(one.row)]
    ]
    emit_many(drafts, merchant=transfer.merchant_id, backfill=transfer.large)


def customers_tell(given: Sequence[Given], letter: Letter) -> int:
    """How many were written to: those with an address of their own that nothing bars."""
    merchant = Merchant.objects.get(pk=given[0].row.merchant_id)
    reachable = [one for one in given if one.row.email and not is_masked(one.row.email)]
    digests = {one.row.pk: address_digest(one.row.email) for one in reachable}
    barred = set(
        Suppression.objects.filter(channel=Channel.EMAIL, digest__in=digests.values()).values_list(
            "digest", flat=True
        )
    )
    told = 0
    for one in reachable:
        if digests[one.row.pk] in barred:
            continue
        subject, text = letter.filled(
            name=one.row.name or one.row.email, colleague=str(one.receiver.user), shop=merchant.name
        )
        mail = post(
            merchant=merchant,
            to=one.row.email,
            subject=subject,
            text=text,
            purpose="handover",
            dedupe_key=f"{letter.key}:{one.row.pk}",
        )
        told += mail is not None
    return told


def _about_region(region: str) -> Q:
    return in_region(region, "customer__") | in_region(region, "company__")


def _mine(url_name: str, member: Membership) -> str:
    return f"{reverse(url_name)}?owner={member.pk}"


add_holding(
    Holding(
        key="customers",
        label=_("Customers"),
        icon="users",
        model=Customer,
        column="owner",
        needs="customers.view",
        held=lambda: Customer.objects.present(),
        write=customers_hand_on,
        in_region=in_region,
        team="team_id",
        title=str,
        href=lambda row: reverse("customer_record", args=[row.pk]),
        mine=lambda member: _mine("customer_list", member),
        order=10,
        tell=customers_tell,
    )
)
add_holding(
    Holding(
        key="companies",
        label=_("Companies"),
        icon="building",
        model=Company,
        column="owner",
        needs="companies.view",
        held=lambda: Company.objects.active(),
        write=companies_hand_on,
        in_region=in_region,
        team="team_id",
        title=str,
        href=lambda row: reverse("company_record", args=[row.pk]),
        mine=lambda member: _mine("company_list", member),
        order=20,
    )
)
add_holding(
    Holding(
        key="tasks",
        label=_("Tasks"),
        icon="checkbox",
        model=Task,
        column="assignee",
        needs="tasks.edit",
        held=lambda: Task.objects.open(),
        write=open_tasks_hand_on,
        in_region=_about_region,
        team="customer__team_id",
        title=str,
        href=lambda row: f"{reverse('task_list')}?view=all#task-{row.pk}",
        mine=lambda member: reverse("task_list"),
        order=40,
    )
)


# --- who gets new customers
# ---------------------------------------------------------------------------------


def _in_any_region(customer: Customer, regions: Sequence[str]) -> bool:
    inside = Q()
    for region in regions:
        inside |= in_region(region)
    return bool(Customer.objects.filter(inside, pk=customer.pk).exists())


def _sees(customer: Customer, member: Membership) -> bool:
    """Whoever owns a customer sees them. Before that, a member bound to a region is no choice for another
    one, and a team's customer none for another team's member."""
    if member.region and not _in_any_region(customer, [member.region]):
        return False
    is_bound = member.visibility != Membership.Visibility.ALL
    return not (is_bound and customer.team_id and customer.team_id != member.team_id)


def _load(members: Iterable[int]) -> dict[int, int]:
    return loads_of(HOLDINGS["customers"], members)


def _grades() -> Choices:
    return [(grade, grade) for grade in facet("grades", "nullif(grade, '')")]


def _sources() -> Choices:
    """What the house itself writes; sales channels and files have names of their own."""
    return [
        ("staff", _now("A colleague")),
        ("api", _now("The API")),
        ("form", _now("A sign-up form")),
        ("portal", _now("The portal")),
    ]


def _find(text: str, viewer: Membership) -> Customer | None:
    return Customer.objects.present().visible_to(viewer).filter(pk=row_id(text) or 0).first()


add_subject(
    Subject(
        key="customers",
        label=_("Customers"),
        one=_("new customer"),
        icon="users",
        needs="customers.view",
        conditions=(
            Condition("region", _("Region"), list, _in_any_region, is_free=True),
            Condition("grade", _("Grade"), _grades, lambda row, values: row.grade in values, is_free=True),
            Condition(
                "source",
                _("First seen through"),
                _sources,
                lambda row, values: row.source in values,
                is_free=True,
            ),
            Condition(
                "kind",
                _("Kind"),
                lambda: [(value, str(label)) for value, label in Customer.Kind.choices],
                lambda row, values: row.kind in values,
            ),
        ),
        sees=_sees,
        load=_load,
        holder=lambda row: row.owner_id,
        find=_find,
        find_label=_("Customer's number"),
        title=str,
        order=20,
    )
)
