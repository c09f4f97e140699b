"""The shop's sending rules: restraint, quiet hours, and which orders count for a mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts import events as account_events
from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.lib.errors import Rejected, Text
from crm.lib.locking import hold
from marketing.models import SendingPolicy
from marketing.sending.checking import policy_of


@transaction.atomic
def rules_save(*, merchant: Merchant, values: Mapping[str, Any]) -> SendingPolicy:
    """The rules with these values; they hold from the next mail on. Announces what changed.

    Raises Rejected with the fields at fault. Two at once: the second one waits and adds to the first.
    """
    hold(f"sending-rules:{merchant.pk}")
    policy = policy_of(merchant)
    changed = [name for name, value in values.items() if getattr(policy, name) != value]
    for name in changed:
        setattr(policy, name, values[name])
    if bool(policy.quiet_from) != bool(policy.quiet_until):
        fault: Text = _("Quiet hours need a beginning and an end.")
        raise Rejected(fault, code="bad_rules", fields={"quiet_until": [fault]})
    try:
        policy.full_clean(exclude=["merchant"], validate_constraints=False)
    except ValidationError as error:
        raise Rejected(
            _("These rules can't be kept."),
            code="bad_rules",
            fields={name: list(said) for name, said in error.message_dict.items()},
        ) from error
    if changed or policy.pk is None:
        policy.save()
        labels = {field.name: str(field.verbose_name) for field in SendingPolicy._meta.fields}
        names = [labels[name] for name in changed]
        what = _("sending rules: %(names)s") % {"names": ", ".join(names)}
        emit(account_events.SETTINGS_CHANGED, merchant=merchant, data={"changes": what})
    return policy
