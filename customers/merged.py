"""What is answered for a customer who was merged into another: where the person is now."""

from __future__ import annotations

from django.utils.translation import gettext as _

from crm.lib.errors import CrmError
from customers.models import Customer


class MergedAway(CrmError):
    """410: this record was merged into another; `fields["merged_into"]` names it."""

    status = 410
    code = "merged"

    def __init__(self, survivor_id: int) -> None:
        self.survivor_id = survivor_id
        super().__init__(
            _("This customer was merged into customer %(id)s. Go on with that one.") % {"id": survivor_id},
            fields={"merged_into": [str(survivor_id)]},
        )


def survivor_id_of(customer_id: int) -> int | None:
    """The customer that this one was merged into, None for one who stands alone or isn't there. One query."""
    found: int | None = (
        Customer.objects.filter(pk=customer_id).values_list("merged_into_id", flat=True).first()
    )
    return found
