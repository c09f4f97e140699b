"""The campaign maker in a real browser: made, looked at, and sent with one press while it saves itself."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from marketing.models import Campaign, Delivery
from tests.browser.test_segments import sign_in
from tests.factories.accounts import make_member, make_merchant
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.factories.segments import make_segment

pytestmark = pytest.mark.django_db(transaction=True)
BUYERS = {"rules": [{"if": "orders.count", "compare": "min", "value": 2}]}
# A save is due 900 ms after the last letter; what is pressed in these tests is pressed before that.
LATENCY_MS = 700


@pytest.fixture
def shop(transactional_db) -> Merchant:
    merchant = make_merchant("qinghe", name="Qinghe Tea", sender_email="news@qinghe.example")
    make_subscriber(merchant, "Anna Loyal", orders_count=3)
    make_subscriber(merchant, "Bo Loyal", orders_count=2)
    make_subscriber(merchant, "Cy Once", orders_count=1)
    make_segment(merchant, BUYERS, "Buyers")
    return merchant


def faults_of(page: Page) -> list[str]:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None
    )
    return faults


def open_maker(page: Page, base_url: str, shop: Merchant, **values: object) -> Campaign:
    campaign = make_campaign(shop, **values)
    sign_in(page, base_url, make_member(shop, "marketer"))
    page.goto(f"{base_url}/campaigns/{campaign.pk}/edit/")
    return campaign


def kept(campaign: Campaign) -> Campaign:
    with merchant_scope(campaign.merchant_id):
        campaign.refresh_from_db()
    return campaign


def person_called(name: str, shop: Merchant) -> int:
    with merchant_scope(shop):
        return Customer.objects.get(name=name).pk


def on_a_train(page: Page) -> None:
    """Every answer takes its time."""
    slow = {"offline": False, "latency": LATENCY_MS, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)


def test_from_nothing_to_sending(page: Page, base_url: str, shop: Merchant) -> None:
    faults = faults_of(page)
    sign_in(page, base_url, make_member(shop, "marketer"))
    page.goto(f"{base_url}/campaigns/new/")
    page.get_by_label("Name", exact=True).fill("Spring tea")
    page.get_by_role("button", name="Write it").click()
    expect(page.locator("#campaign-steps [aria-current=step]")).to_contain_text("Audience")
    send = page.locator("[data-campaign-send]")
    expect(send).to_be_disabled()
    expect(page.locator(".gx-label__optional")).to_have_count(5)  # preview line, plain text, three of sender

    page.get_by_label("Segment", exact=True).select_option(label="Buyers")
    expect(send).to_have_text("Send to 2 people")
    expect(page.locator("#campaign-steps [aria-current=step]")).to_contain_text("Content")
    expect(page.get_by_text("The words to begin with still stand in it")).to_be_visible()
    expect(send).to_be_disabled()
    page.get_by_label("Subject").fill("First flush for {{ customer.first_name }}")
    page.get_by_label("Content", exact=True).fill("<p>Dear {{ customer.first_name }}</p>")
    expect(page.locator("#campaign-steps [aria-current=step]")).to_contain_text("Check and send")
    expect(send).to_be_enabled()
    expect(page.frame_locator("iframe[name=mail-preview]").get_by_text("Dear Mei")).to_be_visible()
    page.get_by_label("Preview as this customer").fill(str(person_called("Bo Loyal", shop)))
    page.get_by_role("button", name="Show").click()
    expect(page.frame_locator("iframe[name=mail-preview]").get_by_text("Dear Bo")).to_be_visible()

    send.click()
    page.locator("#confirm-dialog").get_by_role("button", name="Send to 2 people").click()
    expect(page.get_by_text("“Spring tea” is being sent.")).to_be_visible()
    with merchant_scope(shop):
        campaign = Campaign.objects.get()
        assert Delivery.objects.filter(campaign=campaign).count() == 2
    assert campaign.state == Campaign.State.SENDING
    assert campaign.body == "<p>Dear {{ customer.first_name }}</p>"
    assert faults == []


def test_a_press_right_after_typing_sends_what_was_typed(page: Page, base_url: str, shop: Merchant) -> None:
    campaign = open_maker(page, base_url, shop)
    on_a_train(page)
    page.get_by_label("Subject").press_sequentially("Today: ")
    page.locator("[data-campaign-send]").click()
    expect(page.locator("#confirm-dialog")).to_be_visible()
    assert kept(campaign).subject.startswith("Today: "), "asked only once everything typed is kept"
    page.locator("#confirm-dialog").get_by_role("button", name="Send to 3 people").click()
    expect(page.get_by_text("is being sent")).to_be_visible()
    assert kept(campaign).state == Campaign.State.SENDING


def test_a_save_leaves_the_open_question_alone(page: Page, base_url: str, shop: Merchant) -> None:
    campaign = open_maker(page, base_url, shop)
    send = page.locator("[data-campaign-send]").element_handle()
    assert send is not None
    page.locator("[data-campaign-send]").click()
    dialog = page.locator("#confirm-dialog")
    expect(dialog).to_be_visible()
    with page.expect_response(re.compile(r"/edit/$")):
        page.evaluate("htmx.trigger('#campaign-form', 'campaign:save')")
    expect(dialog).to_be_visible()
    assert send.evaluate("button => button.isConnected")
    dialog.get_by_role("button", name="Send to 3 people").click()
    expect(page.get_by_text("is being sent")).to_be_visible()
    assert kept(campaign).state == Campaign.State.SENDING


def test_the_question_names_the_audience_of_the_last_change(
    page: Page, base_url: str, shop: Merchant
) -> None:
    campaign = open_maker(page, base_url, shop)
    on_a_train(page)
    page.get_by_label("A segment").check()
    page.get_by_label("Segment", exact=True).select_option(label="Buyers")
    page.locator("[data-campaign-send]").click(force=True)
    expect(page.locator("[data-campaign-send]")).to_have_text("Send to 2 people")
    if page.locator("#confirm-dialog").is_hidden():  # the press came while nobody was chosen
        page.locator("[data-campaign-send]").click()
    page.locator("#confirm-dialog").get_by_role("button", name="Send to 2 people").click()
    expect(page.get_by_text("is being sent")).to_be_visible()
    assert kept(campaign).audience == Campaign.Audience.SEGMENT


def test_what_cannot_be_kept_is_not_sent(page: Page, base_url: str, shop: Merchant) -> None:
    campaign = open_maker(page, base_url, shop)
    page.get_by_label("Name", exact=True).fill("")
    page.locator("[data-campaign-send]").click()
    expect(page.locator("#campaign-side").get_by_text("Not saved")).to_be_visible()
    expect(page.locator("#confirm-dialog")).to_be_hidden()
    assert kept(campaign).state == Campaign.State.DRAFT


def test_send_later_by_the_dialog(page: Page, base_url: str, shop: Merchant) -> None:
    campaign = open_maker(page, base_url, shop)
    page.get_by_label("Subject").press_sequentially("Soon: ")
    page.get_by_role("button", name="Send later").click()
    page.get_by_label("Send at").fill(f"{timezone.now().year + 1}-03-01T09:00")
    page.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.get_by_text("It will be sent by itself at that time.")).to_be_visible()
    assert kept(campaign).state == Campaign.State.SCHEDULED
    assert campaign.subject.startswith("Soon: ")


def test_a_maker_left_open_elsewhere_goes_to_the_record(page: Page, base_url: str, shop: Merchant) -> None:
    campaign = open_maker(page, base_url, shop)
    with merchant_scope(shop):
        Campaign.objects.update(state=Campaign.State.SENT, started_at=timezone.now())
    page.get_by_label("Subject").press_sequentially(" too late")
    expect(page).to_have_url(f"{base_url}/campaigns/{campaign.pk}/")
    assert "too late" not in kept(campaign).subject


def test_the_mail_can_be_read_on_a_phone(page: Page, base_url: str, shop: Merchant) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_maker(page, base_url, shop)
    frame = page.locator("iframe[name=mail-preview]")
    box = frame.bounding_box()
    assert box is not None
    assert box["width"] >= 320
    assert box["height"] <= 700, "a thumb beside it can still scroll the page"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.frame_locator("iframe[name=mail-preview]").get_by_text("Hello Mei")).to_be_visible()
