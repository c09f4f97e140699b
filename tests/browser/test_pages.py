"""The pages of a working day: accessible, and none wider than the screen.

A full shop is walked on a phone, in the dark and in Chinese; it has one row of everything, with names and
titles longer than anybody expects. A shop of today, still empty, is walked on a wide screen.
"""

from __future__ import annotations

import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect

from crm.lib.tenancy import merchant_scope
from customers.searching import search_rebuild_all
from marketing.insight import rollups
from tests.browser.test_frame import axe_violations, overflow
from tests.factories.accounts import make_member, make_merchant
from tests.factories.customers import make_customer
from tests.factories.fixtures import client_of
from tests.factories.world import World, make_world
from tests.routes import every_route

LONG = "欧阳娜娜・阿卜杜热合曼 Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh"
STAFF_PAGES = [
    *("home", "inbox", "ticket", "ticket_new", "macro_list", "macro_edit", "sla_list", "mailbox_list"),
    *("customer_list", "customer_record", "customer_new", "customer_edit"),
    *("company_list", "company_record", "company_new", "company_edit", "company_merge", "channel_seller"),
    *("task_list", "notice_list"),
    "duplicate_queue",
    *("customer_merge_find", "conflict_list"),
    *("erasure_list", "customer_erase"),
    *("order_list", "order_record", "product_list", "product_record", "channel_list"),
    *("review_list", "review_detail", "review_integrity"),
    *("batch_list", "batch_new", "batch_record", "insight"),
    *("handover_list", "handover_record", "handover_held", "handover_receipt"),
    *("assignment", "rule_new", "rule_edit", "audit_log"),
]
PUBLIC_PAGES = ["public_product_reviews", "public_integrity"]
EMPTY_PAGES = [
    *(
        "home",
        "inbox",
        "macro_list",
        "customer_list",
        "company_list",
        "order_list",
        "product_list",
        "channel_list",
    ),
    *("review_list", "review_integrity", "batch_list", "insight", "duplicate_queue"),
    *("task_list", "notice_list", "conflict_list", "handover_list", "assignment"),
]
MISSING = "/customers/987654321/"
PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


def stretched(world: World) -> World:
    """The world with words that are too long for any column."""
    with merchant_scope(world.merchant):
        for label, column in [
            ("customers.Customer", "name"),
            ("service.Ticket", "subject"),
            ("orders.Product", "title"),
            ("orders.OrderLine", "title"),
            ("reviews.Review", "title"),
            ("imports.ImportBatch", "file_name"),
        ]:
            row = world.row(label)
            longest = type(row)._meta.get_field(column).max_length
            setattr(row, column, LONG[:longest])
            row.save(update_fields=[column])
        rollups.recount_all(merchant=world.merchant)
    return world


def enter(context: BrowserContext, url: str, member: object, language: str) -> None:
    cookie = client_of(member).cookies[settings.SESSION_COOKIE_NAME]  # type: ignore[arg-type]
    context.add_cookies(
        [
            {"name": cookie.key, "value": cookie.value, "url": url},
            {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": url},
        ]
    )


def faults_of(page: Page, paths: dict[str, str]) -> dict[str, object]:
    """What is wrong by page: its status, what axe finds, by how many pixels it is too wide."""
    wrong: dict[str, object] = {}
    for name, path in paths.items():
        answer = page.goto(path)
        if answer is None or answer.status != (404 if path == MISSING else 200):
            wrong[f"{name} answers"] = answer and answer.status
        expect(page.locator("#main .gx-skeleton")).to_have_count(0)
        if found := axe_violations(page):
            wrong[name] = found
        if (wider := overflow(page)) > 0:
            wrong[f"{name} is wider than the screen"] = wider
    return wrong


@pytest.mark.slow
def test_a_full_shop_on_a_phone(
    page: Page, context: BrowserContext, base_url: str, transactional_db: None
) -> None:
    world = stretched(make_world("walked"))
    enter(context, base_url, world.member, "zh-hans")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="dark")
    routes = {route.name: route for route in every_route()}
    paths = {name: routes[name].path(world) for name in [*STAFF_PAGES, *PUBLIC_PAGES]}

    assert faults_of(page, {**paths, "missing": MISSING}) == {}


@pytest.mark.slow
def test_an_empty_shop_on_a_wide_screen(
    page: Page, context: BrowserContext, base_url: str, transactional_db: None
) -> None:
    enter(context, base_url, make_member(make_merchant("empty"), "owner"), "en")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")

    assert faults_of(page, {name: reverse(name) for name in EMPTY_PAGES}) == {}


def test_a_family_name_of_one_character_finds_its_people(
    page: Page, context: BrowserContext, base_url: str, transactional_db: None
) -> None:
    owner = make_member(make_merchant("qinghe"), "owner")
    make_customer(owner.merchant, "李晓梅")
    with merchant_scope(owner.merchant):
        search_rebuild_all()
    enter(context, base_url, owner, "zh-hans")
    page.goto(reverse("order_list"))
    page.keyboard.press("/")
    page.keyboard.insert_text("李")

    expect(page.get_by_role("option", name="李晓梅")).to_be_visible()
