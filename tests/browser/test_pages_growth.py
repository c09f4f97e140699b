"""The pages of growth, of the settings and of the customers: accessible, and none wider than the screen.

One shop with one row of everything and names longer than anybody expects is walked on a phone, in the dark
and in Chinese; an empty one on a wide screen.
"""

from __future__ import annotations

import time

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect

from crm.lib.crypto import encrypt
from crm.lib.tenancy import merchant_scope
from customers.portal_door import SESSION_KEY
from tests.browser.test_pages import LONG, PHONE, WIDE, enter, faults_of
from tests.factories.accounts import make_member, make_merchant
from tests.factories.world import World, make_world
from tests.routes import every_route

GROWTH_PAGES = [
    *("campaign_list", "campaign_create", "campaign_detail", "campaign_people", "sending_rules"),
    *("sending_pace", "pace_limit_change", "warmup_create", "warmup_plan"),
    *("template_edit",),
    *("journey_list", "journey_detail", "journey_edit", "journey_people"),
    *("segment_list", "segment_detail", "segment_edit", "segment_people"),
    *("segment_hand", "segment_file", "segment_pin_many"),
    *("loyalty", "loyalty_program", "points_record"),
]
# tests/browser/test_frame.py walks the other sections.
SETTINGS_PAGES = [
    *("portal_settings", "member_edit", "outbox", "hook_list"),
    *("connection_list", "connection_detail", "connection_edit"),
    *("webhook_list", "webhook_create", "webhook_detail"),
    *("field_list", "field_new", "field_edit", "export_list", "export_record"),
    *("consent_wordings", "retention_list", "suppression_list", "bounce_settings"),
    *("sender_domain_list", "sender_domain", "domain_health"),
]
PORTAL_PAGES = [
    *("portal_home", "portal_order", "portal_return", "portal_reviews", "portal_review_edit"),
    *("portal_tickets", "portal_ticket", "portal_ticket_new", "portal_preferences"),
    "portal_data",
]
STRANGERS_PAGES = ["portal_sign_in", "portal_contact"]
EMPTY_PAGES = [
    *("campaign_list", "template_list", "journey_list", "segment_list", "loyalty", "webhook_list"),
    *("field_list", "export_list"),
]
LONG_ONES = [
    ("marketing.Campaign", "name"),
    ("marketing.Campaign", "subject"),
    ("marketing.Template", "name"),
    ("marketing.Journey", "name"),
    ("marketing.Segment", "name"),
    ("customers.Customer", "name"),
    ("orders.OrderLine", "title"),
    ("service.Ticket", "subject"),
    ("integrations.Connection", "name"),
    ("integrations.WebhookEndpoint", "name"),
    ("accounts.Team", "name"),
]


@pytest.fixture
def world(transactional_db: None) -> World:
    made = make_world("walked")
    with merchant_scope(made.merchant):
        for label, column in LONG_ONES:
            row = made.row(label)
            setattr(row, column, LONG[: type(row)._meta.get_field(column).max_length])
            row.save(update_fields=[column])
        connection, endpoint = made.row("integrations.Connection"), made.row("integrations.WebhookEndpoint")
        connection.keep_secrets({"shop": "walked.myshopify.com", "secret": "hush"})
        connection.save(update_fields=["credentials"])
        endpoint.secret = encrypt("whsec_aHVzaA==")
        endpoint.save(update_fields=["secret"])
    return made


def paths_of(world: World, names: list[str]) -> dict[str, str]:
    routes = {route.name: route for route in every_route()}
    return {name: routes[name].path(world) for name in names}


def enter_portal(context: BrowserContext, url: str, world: World) -> None:
    """The browser, as the world's customer who proved the address a moment ago."""
    session = Client().session
    now = time.time()
    customer = world.row("customers.Customer")
    person = {"customer": customer.pk, "address": customer.email, "grants": {}, "started": now, "seen": now}
    session[SESSION_KEY] = {str(world.merchant.pk): person}
    session.save()
    context.add_cookies(
        [
            {"name": settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": url},
            {"name": settings.LANGUAGE_COOKIE_NAME, "value": "zh-hant", "url": url},
        ]
    )


def on_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")


@pytest.mark.slow
def test_a_full_shop_on_a_phone(page: Page, context: BrowserContext, base_url: str, world: World) -> None:
    on_a_phone(page)
    strangers = faults_of(page, paths_of(world, STRANGERS_PAGES))
    enter(context, base_url, world.member, "zh-hans")
    staffs = faults_of(page, paths_of(world, [*GROWTH_PAGES, *SETTINGS_PAGES]))
    enter_portal(context, base_url, world)

    assert strangers | staffs | faults_of(page, paths_of(world, PORTAL_PAGES)) == {}


@pytest.mark.slow
def test_an_empty_shop_on_a_wide_screen(
    page: Page, context: BrowserContext, base_url: str, transactional_db: None
) -> None:
    enter(context, base_url, make_member(make_merchant("empty"), "owner"), "en")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]

    assert faults_of(page, {name: reverse(name) for name in EMPTY_PAGES}) == {}


def test_the_open_section_of_the_settings_is_in_sight_on_a_phone(
    page: Page, context: BrowserContext, base_url: str, transactional_db: None
) -> None:
    enter(context, base_url, make_member(make_merchant("empty"), "owner"), "en")
    on_a_phone(page)
    page.goto(reverse("audit_log"))

    expect(page.locator(".gx-subnav [aria-current]")).to_be_in_viewport(ratio=1)
