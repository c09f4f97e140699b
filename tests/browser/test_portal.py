"""A buyer on a phone: in by the code from a real mail, a return, and a talk with the desk, live."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from crm.accounts.models import Membership, Merchant
from crm.lib.tenancy import merchant_scope
from orders.models import Return
from tests.factories.accounts import make_member, make_merchant
from tests.factories.customers import make_customer
from tests.factories.orders import make_order, make_shipment
from tests.support.processes import Worker
from tests.support.smtp import SmtpSink

PASSWORD = "green-tea-and-rain"


@pytest.fixture
def shop(transactional_db) -> Merchant:
    merchant = make_merchant("qinghe", name="Qinghe Tea", support_email="help@qinghe.example")
    mei = make_customer(merchant, "Mei", email="mei@example.com", phone="+8613800138000")
    order = make_order(
        merchant, mei, number="T-100", fulfilment="delivered", lines=(("Teapot", 2, "100"), ("Cup", 1, "20"))
    )
    make_shipment(order, state="delivered", delivered_at=timezone.now())
    return merchant


@pytest.fixture
def agent(shop) -> Membership:
    return make_member(shop, "agent", email="agent@example.com", name="Wang Lei", password=PASSWORD)


@pytest.fixture
def phone(browser: Browser, base_url: str) -> BrowserContext:
    context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=base_url, locale="en-GB")
    yield context
    context.close()


@pytest.fixture
def no_errors() -> Callable[[Page], None]:
    """Watches a page; any script error or broken policy fails the test at its end."""
    seen: list[str] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on(
            "console", lambda line: seen.append(line.text) if "Content Security Policy" in line.text else None
        )

    yield watch
    assert seen == []


def enter(page: Page, sink: SmtpSink) -> None:
    page.goto("/portal/qinghe/")
    page.get_by_label("Order or ticket number").fill("T-100")
    page.get_by_label("E-mail or phone").fill("mei@example.com")
    page.get_by_role("button", name="Send me a code").click()
    mail = sink.wait_for(to="mei@example.com")[-1]
    found = re.search(r"\b\d{6}\b", mail.text)
    assert found
    page.get_by_label("Code").fill(found[0])
    page.get_by_role("button", name="Open my orders").click()
    expect(page.get_by_role("heading", name="Hello Mei")).to_be_visible()


def test_in_by_mail_and_a_return(smtp_sink, celery_worker: Worker, shop, phone, no_errors):
    page = phone.new_page()
    no_errors(page)
    enter(page, smtp_sink)
    page.get_by_role("link", name="Delivered").click()
    expect(page.get_by_text("You ordered")).to_be_visible()
    page.get_by_role("link", name="Send something back").click()
    page.get_by_label("Teapot").select_option("1")
    page.get_by_label("Doesn't fit").check()
    page.get_by_role("button", name="Ask to send it back").click()
    expect(page.get_by_role("heading", name="R-1")).to_be_visible()
    with merchant_scope(shop):
        assert Return.objects.get().lines.get().quantity == 1
    assert any("Your return R-1" in mail.message["Subject"] for mail in smtp_sink.wait_for(2))
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "the page is wider than the phone"


def test_the_customer_and_the_desk_talk_live(
    smtp_sink, celery_worker: Worker, live_process, shop, agent, phone, page: Page, no_errors
):
    buyer = phone.new_page()
    for one in (buyer, page):
        no_errors(one)
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill("agent@example.com")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.goto("/inbox/")
    expect(page.get_by_text("All done here")).to_be_visible()

    enter(buyer, smtp_sink)
    buyer.goto("/portal/qinghe/messages/new/")
    buyer.get_by_label("What is it about?").select_option(index=1)
    buyer.get_by_label("Your message").fill("The spout <b>broke</b>.")
    buyer.get_by_role("button", name="Send message").click()

    row = page.locator("[data-talk='1']")
    expect(row).to_be_visible(timeout=15_000)  # without a reload
    row.click()
    expect(page.locator("#ticket-beside")).to_contain_text("T-100")
    expect(page.locator("#ticket-thread")).to_contain_text("The spout <b>broke</b>.")

    page.keyboard.press("r")
    page.keyboard.type("We send a new one today.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".gx-words--outbound")).to_contain_text("We send a new one today.")

    expect(buyer.locator(".gx-chat")).to_contain_text(
        "We send a new one today.", timeout=15_000
    )  # without a reload
    mails = [
        mail
        for mail in smtp_sink.wait_for(3, to="mei@example.com")
        if "We send a new one today." in mail.text
    ]
    assert len(mails) == 1
    assert re.match(r"ticket\+\d+-[0-9a-f]{16}@", str(mails[0].message["Reply-To"]))

    buyer.get_by_label("Your message").fill("Thank you!")
    buyer.get_by_role("button", name="Send").click()
    expect(page.locator("#ticket-thread")).to_contain_text("Thank you!", timeout=15_000)
