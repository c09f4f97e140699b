"""A queue of the inbox as a file."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.exports.registry import Ask, Exporter, columns_of, register
from crm.lib.masking import mask_email, mask_phone
from service.models import Ticket
from service.selectors import DEFAULT_VIEW, VIEWS, in_view

COLUMNS = (
    *(("number", "number"), ("subject", "subject"), ("status", "status"), ("priority", "priority")),
    *(("channel", "channel"), ("cause", "cause"), ("customer_id", "customer_id"), ("name", "contact_name")),
    *(("email", "contact_email"), ("phone", "contact_phone"), ("order", "order__number")),
    *(
        ("assignee", "assignee__user__email"),
        ("opened_at", "opened_at"),
        ("first_responded_at", "first_responded_at"),
    ),
    *(("last_at", "last_at"), ("due_at", "due_at"), ("solved_at", "solved_at")),
)


def _view(ask: Ask) -> str:
    view = ask.parameters.get("view", DEFAULT_VIEW)
    return view if view in VIEWS else DEFAULT_VIEW


def _search(ask: Ask) -> str:
    return ask.parameters.get("q", "").strip()[:100]


def _select(ask: Ask) -> QuerySet[Ticket]:
    seen = Ticket.objects.visible_to(ask.viewer)
    if words := _search(ask):
        return ask.ticked(seen.about(words))
    if ask.membership is None and _view(ask) == "mine":
        return Ticket.objects.none()  # a key has no tickets of its own
    return ask.ticked(in_view(seen, _view(ask), ask.viewer))


def _words(ask: Ask) -> list[str]:
    if words := _search(ask):
        return [_("Search: %(words)s") % {"words": words}]
    return [str(VIEWS[_view(ask)].label)]


register(
    Exporter(
        key="tickets",
        label=gettext_lazy("Tickets"),
        icon="ticket",
        needs="tickets.view",
        scope="tickets.read",
        columns=columns_of(Ticket, COLUMNS, {"email": mask_email, "phone": mask_phone}),
        select=_select,
        words=_words,
        order=("-last_at", "-pk"),
    )
)
