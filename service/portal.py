"""The customer's own pages about their questions: writing, reading, answering; and the form for strangers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lib.errors import NotFound, TooMany
from crm.lib.http import client_ip
from crm.lib.throttle import count_up
from customers.models import Customer
from customers.normalising import normalise_email, normalise_phone
from customers.portal import portal_settings
from customers.portal_door import PortalPerson, PortalRequest, portal_url, render_portal
from customers.portal_forms import cleaned_email
from customers.portal_registry import (
    Found,
    PortalLink,
    PortalPanel,
    add_collector,
    add_finder,
    add_portal_link,
    add_portal_panel,
)
from orders.portal_pages import orders_of
from service.models import Ticket
from service.models.entry import BODY_CHARS
from service.selectors import thread_of
from service.tickets import Stranger, Words, ticket_open, ticket_receive

# A customer in distress writes five times; a program writes a thousand.
OPENED_PER_HOUR = 10
WORDS_PER_HOUR = 60

add_portal_link(PortalLink("portal_tickets", gettext_lazy("Messages"), "messages", order=20))
add_portal_panel(
    PortalPanel("portal_order_tickets", gettext_lazy("Messages"), "order", order=20, topics=("service",))
)


# --- whose -------------------------------------------------------------------------------------------------


def tickets_of(person: PortalPerson) -> QuerySet[Ticket]:
    """The person's tickets; a guest's are those about the orders and tickets that they proved."""
    return _mine(person.customer, person.grants).order_by("-last_at", "-id")


def _mine(customer: Customer | None, grants: dict[str, list[int]]) -> QuerySet[Ticket]:
    mine = Q(pk__in=grants.get("ticket", [])) | Q(order__in=grants.get("order", []), customer__isnull=True)
    if customer is not None:
        mine |= Q(customer=customer)
    # What we noticed ourselves and have not written about is not theirs to read yet.
    silent = Q(cause=Ticket.Cause.LATE_PARCEL, first_responded_at__isnull=True, last_inbound_at__isnull=True)
    return Ticket.objects.filter(mine).exclude(silent)


def find_ticket_owner(reference: str, contact: str) -> Found | None:
    """Whom a ticket number and the address given with it name."""
    bare = reference.strip().lstrip("#").strip()
    if not (bare.isdecimal() and len(bare) < 10):
        return None
    ticket = Ticket.objects.select_related("customer", "merchant").filter(number=int(bare)).first()
    if ticket is None:
        return None
    address = normalise_email(ticket.person_email)
    given_phone = "" if "@" in contact else normalise_phone(contact, ticket.merchant.country)
    right = (
        normalise_email(contact) == address
        if "@" in contact
        else given_phone and given_phone == ticket.contact_phone
    )
    if not address or not right:
        return None
    return Found(address, None, {"ticket": [ticket.pk]})


TICKET_WORDS = {
    "number": gettext_lazy("Number"),
    "subject": gettext_lazy("Subject"),
    "state": gettext_lazy("State"),
    "opened_at": gettext_lazy("Opened"),
    "messages": gettext_lazy("Messages"),
    "at": gettext_lazy("When"),
    "from": gettext_lazy("From whom"),
    "text": gettext_lazy("Text"),
}


def collect_tickets(customer: Customer | None, grants: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    """For "download my data": what was said between us, without our notes."""
    for ticket in _mine(customer, grants).order_by("opened_at", "id").iterator(chunk_size=100):
        yield {
            "number": ticket.number,
            "subject": ticket.subject,
            "state": ticket.get_status_display(),
            "opened_at": ticket.opened_at,
            "messages": [
                {"at": line.at, "from": line.entry.get_kind_display(), "text": line.entry.text}
                for line in thread_of(ticket, public=True).lines
                if line.entry
            ],
        }


add_finder(find_ticket_owner)
add_collector("tickets", gettext_lazy("Your messages"), collect_tickets, words=TICKET_WORDS)


# --- pages -------------------------------------------------------------------------------------------------


class QuestionForm(forms.Form):
    """A question about an order of one's own, or about anything."""

    order = forms.ChoiceField(label=gettext_lazy("What is it about?"), required=False)
    subject = forms.CharField(label=gettext_lazy("In one line"), max_length=120, required=False)
    text = forms.CharField(
        label=gettext_lazy("Your message"), max_length=BODY_CHARS, widget=forms.Textarea(attrs={"rows": 6})
    )


class ContactForm(forms.Form):
    """A stranger's question. `website` is a field that only programs fill."""

    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.CharField(
        label=gettext_lazy("E-mail"),
        max_length=320,
        help_text=gettext_lazy("We answer there."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    subject = forms.CharField(label=gettext_lazy("In one line"), max_length=120, required=False)
    text = forms.CharField(
        label=gettext_lazy("Your message"), max_length=BODY_CHARS, widget=forms.Textarea(attrs={"rows": 6})
    )
    website = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"tabindex": "-1", "autocomplete": "off"})
    )

    def clean_email(self) -> str:
        return cleaned_email(self.cleaned_data["email"])


def portal_tickets(request: PortalRequest) -> HttpResponse:
    tickets = list(tickets_of(request.person).select_related("order")[:100])
    topics = [f"service.ticket:{ticket.pk}" for ticket in tickets]
    if request.headers.get("HX-Request") == "true":
        return render(request, "portal/_tickets.html", {"tickets": tickets, "shop": request.shop})
    context = {"tickets": tickets, "topics": topics}
    return render_portal(request, "portal/tickets.html", context, topics=topics)


def portal_order_tickets(request: PortalRequest, order_id: int) -> HttpResponse:
    """The card on an order's page."""
    if not orders_of(request.person).filter(pk=order_id).exists():
        raise NotFound()
    tickets = tickets_of(request.person).filter(order=order_id)
    context = {"tickets": tickets, "shop": request.shop, "order_id": order_id}
    return render(request, "portal/_order_tickets.html", context)


def portal_ticket_new(request: PortalRequest) -> HttpResponse:
    """Asks us something, about an order or anything."""
    orders = list(orders_of(request.person)[:50])
    wanted = request.GET.get("order", "")
    form = QuestionForm(request.POST or None, initial={"order": wanted})
    field = form.fields["order"]
    assert isinstance(field, forms.ChoiceField)
    field.choices = [("", _("Something else")), *[(str(order.pk), _order_words(order)) for order in orders]]
    key = request.POST.get("key") or uuid.uuid4().hex
    if request.method == "POST" and form.is_valid():
        _throttle(request, "open", OPENED_PER_HOUR)
        order = next((one for one in orders if str(one.pk) == form.cleaned_data["order"]), None)
        person = request.person
        ticket = ticket_open(
            merchant=request.shop,
            subject=form.cleaned_data["subject"],
            words=Words(form.cleaned_data["text"], key=_key(person, key)),
            channel=Ticket.Channel.PORTAL,
            customer=person.customer,
            order=order,
            contact=Stranger(email=person.address),
            language=translation.get_language() or "",
            confirm=True,
        )
        _grant(request, ticket)
        return redirect(portal_url(request, "portal_ticket", ticket.number))
    status = 422 if form.errors else 200
    return render_portal(request, "portal/ticket_new.html", {"form": form, "key": key}, status=status)


def _order_words(order: Any) -> str:
    titles = ", ".join(line.title for line in order.lines.all()[:2] if line.title)
    return f"{order.number} · {titles}"[:80] if titles else str(order.number)


def _key(person: PortalPerson, key: str) -> str:
    owner = person.customer.pk if person.customer else person.address
    return f"portal:{owner}:{key[:40]}"


def _grant(request: PortalRequest, ticket: Ticket) -> None:
    """A guest's own new ticket is theirs to read."""
    if request.person.customer is not None:
        return
    kept = request.session["portal"][str(request.shop.pk)]
    kept["grants"]["ticket"] = sorted({*kept["grants"].get("ticket", []), ticket.pk})
    request.session.modified = True


def _throttle(request: PortalRequest, what: str, limit: int) -> None:
    who = request.person.actor if request.person else ""
    key = f"portal:{what}:{request.shop.pk}:{who}:{client_ip(request)}"
    if count_up(key, seconds=3600) > limit:
        raise TooMany()


def _ticket(request: PortalRequest, number: int) -> Ticket:
    ticket = tickets_of(request.person).select_related("order", "customer").filter(number=number).first()
    if ticket is None:
        raise NotFound()
    return ticket


def portal_ticket(request: PortalRequest, number: int) -> HttpResponse:
    """The conversation and a place to go on."""
    ticket = _ticket(request, number)
    context = {"ticket": ticket, "thread": thread_of(ticket, public=True), "key": uuid.uuid4().hex}
    return render_portal(request, "portal/ticket.html", context, topics=[f"service.ticket:{ticket.pk}"])


def portal_thread(request: PortalRequest, number: int) -> HttpResponse:
    """The words alone, for the live page."""
    ticket = _ticket(request, number)
    context = {"ticket": ticket, "thread": thread_of(ticket, public=True), "shop": request.shop}
    return render(request, "portal/_thread.html", context)


def portal_reply(request: PortalRequest, number: int) -> HttpResponse:
    """The customer's next words; the same form sent twice is said once."""
    ticket = _ticket(request, number)
    if request.method == "POST":
        _throttle(request, "say", WORDS_PER_HOUR)
        words = Words(request.POST.get("text", ""), key=_key(request.person, request.POST.get("key", "")))
        ticket_receive(merchant=request.shop, ticket=ticket, words=words, channel=Ticket.Channel.PORTAL)
    if request.headers.get("HX-Request") == "true":
        context = {"ticket": _ticket(request, number), "key": uuid.uuid4().hex, "shop": request.shop}
        thread = thread_of(ticket, public=True)
        return render(request, "portal/_talk.html", context | {"thread": thread})
    return redirect(portal_url(request, "portal_ticket", ticket.number))


def portal_contact(request: PortalRequest) -> HttpResponse:
    """Anybody may write, when the shop allows it; a receipt with the number goes to the address."""
    if not portal_settings().contact_form:
        raise NotFound()
    form = ContactForm(request.POST or None)
    key = request.POST.get("key") or uuid.uuid4().hex
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        if not data["website"]:
            _throttle(request, "contact", OPENED_PER_HOUR)
            ticket_open(
                merchant=request.shop,
                subject=data["subject"],
                words=Words(data["text"], key=f"form:{key[:40]}"),
                channel=Ticket.Channel.FORM,
                contact=Stranger(name=data["name"], email=data["email"]),
                language=translation.get_language() or "",
                confirm=True,
            )
        messages.success(request, _("Thank you. We answer by e-mail."))
        return redirect(portal_url(request, "portal_contact"))
    context = {"form": form, "key": key}
    return render_portal(request, "portal/contact.html", context, status=422 if form.errors else 200)
