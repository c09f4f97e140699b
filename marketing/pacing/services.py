"""The verbs of limits and warm-up plans. Each holds from the next slice of a run on, within half a minute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts import events as account_events
from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.integrations.models import Connection
from crm.lib.errors import Conflict, Rejected, Text
from crm.lib.locking import hold
from marketing.domains.services import domain_needed
from marketing.models import PaceLimit, WarmupPlan
from marketing.pacing import events, warming
from marketing.pacing.receivers import RECEIVERS

MOST_LIMITS = 100
MOST_PLANS = 20
MOST_DAYS = 120
MOST_A_DAY = 10_000_000
CHECKED = {"kind", "amount", "per"}
Kind = PaceLimit.Kind


def _refuse(field: str, words: Text) -> Rejected:
    return Rejected(words, code="bad_pace", fields={field: [words]})


# ---------------------------------------------------------------- limits


@transaction.atomic
def limit_add(*, merchant: Merchant, values: Mapping[str, Any]) -> PaceLimit:
    """A new limit: `kind`, `amount`, `per`, and `connection` or `name` by its kind. Announced as a setting.

    Raises Rejected with the field at fault, Conflict where the shop has a limit for that already.
    """
    hold(f"pace:{merchant.pk}")
    kind = str(values.get("kind", ""))
    limit = PaceLimit(merchant=merchant, kind=kind, amount=values["amount"], per=values["per"])
    if kind == Kind.CONNECTION:
        limit.connection = _carrier_needed(values.get("connection"))
    elif kind == Kind.GROUP:
        limit.name = _receiver_needed(str(values.get("name", "")))
    elif kind == Kind.DOMAIN:
        limit.name = _domain_needed(str(values.get("name", "")))
    _check(limit)
    same = PaceLimit.objects.live().filter(kind=kind, name=limit.name, connection=limit.connection)
    if same.exists():
        raise Conflict(_("There is a limit for this already. Change that one."), code="limit_known")
    if PaceLimit.objects.live().count() >= MOST_LIMITS:
        raise Rejected(_("At most %(n)s limits.") % {"n": MOST_LIMITS}, code="too_many")
    limit.save()
    _announce(limit, _("limit of pace for %(what)s: %(amount)s %(per)s"))
    return limit


def _carrier_needed(connection: Any) -> Connection:
    if not isinstance(connection, Connection) or not connection.channel:
        raise _refuse("connection", _("Choose a provider or carrier that the shop sends by."))
    return connection


def _receiver_needed(key: str) -> str:
    if key not in RECEIVERS:
        raise _refuse("name", _("Choose a mailbox provider of the list."))
    return key


def _domain_needed(text: str) -> str:
    try:
        return domain_needed(text)
    except Rejected as refusal:
        raise _refuse("name", refusal.message) from refusal


def _check(limit: PaceLimit) -> None:
    try:
        limit.clean_fields(exclude={field.name for field in PaceLimit._meta.fields} - CHECKED)
    except ValidationError as error:
        fields: dict[str, list[Text]] = {name: list(said) for name, said in error.message_dict.items()}
        raise Rejected(_("This limit can't be kept."), code="bad_pace", fields=fields) from error


@transaction.atomic
def limit_change(*, limit: PaceLimit, values: Mapping[str, Any]) -> PaceLimit:
    """Another `amount` or `per`; those that wait are called to be looked at again. Raises Rejected with the
    field at fault, Conflict once it was taken away."""
    held = PaceLimit.objects.live().select_for_update(of=("self",)).filter(pk=limit.pk).first()
    if held is None:
        raise Conflict(_("This limit was taken away."), code="limit_gone")
    changed = [name for name in ("amount", "per") if name in values and getattr(held, name) != values[name]]
    for name in changed:
        setattr(held, name, values[name])
    _check(held)
    if changed:
        held.free_at = held.tail_at = timezone.now()
        held.called_to = 0
        held.save()
        _announce(held, _("limit of pace for %(what)s: %(amount)s %(per)s"))
    return held


@transaction.atomic
def limit_remove(*, limit: PaceLimit) -> None:
    """Holds nobody any more; the sweeper calls those that wait within seconds and then deletes the row."""
    held = PaceLimit.objects.live().select_for_update(of=("self",)).filter(pk=limit.pk).first()
    if held is None:
        return
    held.removed_at, held.called_to = timezone.now(), 0
    held.save(update_fields=["removed_at", "called_to"])
    _announce(held, _("limit of pace for %(what)s taken away"))


def _announce(limit: PaceLimit, words: str) -> None:
    known = {"what": limit.title, "amount": limit.amount, "per": limit.get_per_display()}
    emit(account_events.SETTINGS_CHANGED, merchant=limit.merchant_id, data={"changes": words % known})


# ---------------------------------------------------------------- warm-up plans


@transaction.atomic
def warmup_start(
    *, merchant: Merchant, domain: str, starts_on: date, amounts: list[int], goes_from: time = time(8)
) -> WarmupPlan:
    """A plan for the domain from that day of the shop on. Raises Rejected with the field at fault, Conflict
    where one runs for the domain."""
    hold(f"pace:{merchant.pk}")
    name = domain_needed(domain)
    _check_amounts(amounts)
    if starts_on < warming.shop_day(merchant, timezone.now()):
        raise _refuse("starts_on", _("Choose today or a day to come."))
    if warming.running_plan(merchant, name):
        raise Conflict(_("A plan for this domain runs already. Change or end that one."), code="warmup_runs")
    if WarmupPlan.objects.filter(state=WarmupPlan.State.RUNNING).count() >= MOST_PLANS:
        raise Rejected(_("At most %(n)s plans at once.") % {"n": MOST_PLANS}, code="too_many")
    plan = WarmupPlan(
        merchant=merchant, domain=name, starts_on=starts_on, amounts=amounts, goes_from=goes_from
    )
    plan.save()
    emit(events.WARMUP_STARTED, merchant=merchant, subject=plan, data={"domain": name})
    return plan


def _check_amounts(amounts: list[int]) -> None:
    if not amounts or len(amounts) > MOST_DAYS:
        words = _("Write the mails of each day, at least one day and at most %(n)s.") % {"n": MOST_DAYS}
        raise _refuse("amounts", words)
    if not all(isinstance(one, int) and 1 <= one <= MOST_A_DAY for one in amounts):
        raise _refuse("amounts", _("Each day takes a whole number of mails, at least one."))


@transaction.atomic
def warmup_change(*, plan: WarmupPlan, values: Mapping[str, Any]) -> WarmupPlan:
    """Other `amounts`, `is_kept` (the amount stays as it is) or `goes_from`; a day that has begun takes its
    new amount at once. Raises Rejected with the field at fault, Conflict once the plan is over."""
    held = _held(plan)
    known = ("amounts", "is_kept", "goes_from")
    changed = [name for name in known if name in values and getattr(held, name) != values[name]]
    for name in changed:
        setattr(held, name, values[name])
    _check_amounts(held.amounts)
    if not changed:
        return held
    today = held.days.filter(day=warming.shop_day(held.merchant, timezone.now())).first()
    if today is not None and "amounts" in changed:
        today.planned = held.amounts[min(today.step, len(held.amounts) - 1)]
        today.save(update_fields=["planned"])
    warming.call_everybody(held)
    labels = {field.name: str(field.verbose_name) for field in WarmupPlan._meta.fields}
    names = ", ".join(labels[name] for name in changed)
    data = {"domain": held.domain, "changes": names}
    emit(events.WARMUP_CHANGED, merchant=held.merchant, subject=held, data=data)
    return held


@transaction.atomic
def warmup_end(*, plan: WarmupPlan) -> None:
    """No amounts any more from now on; whoever waits goes. Raises Conflict once it is over."""
    warming.end(_held(plan), timezone.now())


@transaction.atomic
def warmup_delete(*, plan: WarmupPlan) -> None:
    """Takes a plan away that is over. Raises Conflict while it runs."""
    held = WarmupPlan.objects.select_for_update().get(pk=plan.pk)
    if held.is_running or held.called_to is not None:
        raise Conflict(_("End the plan first; it can be deleted a moment later."), code="warmup_runs")
    held.delete()


def _held(plan: WarmupPlan) -> WarmupPlan:
    held = WarmupPlan.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=plan.pk)
    if not held.is_running:
        raise Conflict(_("This plan is over."), code="warmup_over")
    return held
