"""Lines of the timeline lead to what they are about, for whoever may open it."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import transaction

from crm.events.emitting import emit
from crm.events.models import Event
from crm.lib.tenancy import merchant_scope
from customers.registries import SUBJECT_PAGES
from customers.timeline import subject_href
from marketing.campaigns import events as campaign_events
from reviews import events as review_events
from service import events as service_events
from tests.factories.accounts import make_member
from tests.factories.world import make_world
from tests.routes import every_route


@pytest.fixture
def world(db):
    return make_world("timeline")


LINKS = [
    ("service.Ticket", service_events.TICKET_OPENED, "/inbox/{number}/", "agent", "marketer"),
    ("reviews.Review", review_events.REVIEW_SUBMITTED, "/reviews/{id}/", "analyst", ""),
    ("marketing.Campaign", campaign_events.CAMPAIGN_STARTED, "/campaigns/{id}/", "marketer", "agent"),
]


@pytest.mark.parametrize("model, kind, path, knows, knows_not", LINKS, ids=[link[0] for link in LINKS])
def test_a_line_links_to_its_page(world, client, model, kind, path, knows, knows_not):
    row, merchant = world.row(model), world.merchant
    number = getattr(row, "number", None)
    with merchant_scope(merchant), transaction.atomic():
        event = Event.objects.get(pk=emit(kind, merchant=merchant, subject=row, data={"number": number}))
    member = make_member(merchant, knows)
    href = subject_href(event, member)
    assert href == path.format(number=number, id=row.pk)
    client.force_login(member.user)
    assert client.get(href, follow=True).status_code == 200  # a draft leads on to its editor
    if knows_not:
        stranger = make_member(merchant, knows_not)
        assert subject_href(event, stranger) == ""
        client.force_login(stranger.user)
        assert client.get(href).status_code == 403


def test_every_page_asks_for_what_its_route_asks_for():
    routes = {route.name: route for route in every_route()}
    for subject, page in SUBJECT_PAGES.items():
        assert apps.get_model(subject)
        assert routes[page.url_name].needs == page.needs, subject


def test_a_line_without_a_subject_links_nowhere(merchant):
    event = Event(merchant=merchant, subject_type="service.ticket", subject_id=5, data={})
    assert subject_href(event, make_member(merchant, "owner")) == ""
