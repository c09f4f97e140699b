"""The thread that must run: one order comes in, the whole house reacts. Each step goes on from the last."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Playwright, expect
from standardwebhooks import Webhook

from marketing.sending.robots import ARRIVAL_SECONDS
from tests.browser.thread.world import MEI, SHOPIFY_SECRET, World, thread_world
from tests.support.processes import wait_until

pytestmark = pytest.mark.slow
PLACED = timezone.now().replace(microsecond=0)


@pytest.fixture(scope="module")
def world(
    django_db_setup: None,
    django_db_blocker,
    live_server,
    playwright: Playwright,
    browser: Browser,
    browser_context_args,
) -> Iterator[World]:
    with (
        django_db_blocker.unblock(),
        thread_world(playwright, browser, live_server.url, **browser_context_args) as made,
    ):
        yield made


@pytest.fixture(autouse=True)
def _live_server_helper() -> None:
    """Instead of pytest-django's, which would empty the tables after each step."""


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    """Instead of the one in tests/conftest.py: what one step rang the next may still hear."""


@pytest.fixture(autouse=True)
def in_order(world: World, request: pytest.FixtureRequest) -> Iterator[None]:
    """A step stands on all before it; and no page may break on the way."""
    if world.broken_by:
        pytest.skip(f"the thread broke in {world.broken_by}")
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        world.broken_by = request.node.name
        print(world.as_seen())
    faults, world.faults[:] = list(world.faults), []
    assert faults == []


# --- the shop opens ----------------------------------------------------------------------------------------


def test_the_owner_signs_in_and_sets_the_house_up(world: World) -> None:
    page = world.staff
    world.sign_in()

    page.goto("/loyalty/program/")
    page.get_by_role("button", name="Start the programme").click()
    expect(page.get_by_text("Nobody has points yet")).to_be_visible()

    page.goto("/journeys/")
    page.get_by_role("button", name=re.compile("Thank you after the first order")).click()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()

    page.goto("/settings/webhooks/new/")
    page.get_by_role("textbox", name="Address").fill(f"{world.receiver.url}/in")
    page.get_by_label("Order paid", exact=True).check()
    page.get_by_role("button", name="Make webhook").click()
    world.kept["webhook_secret"] = page.locator(".gx-secret code").inner_text()

    page.goto("/settings/keys/new/")
    page.get_by_label("Name").fill("Warehouse")
    for scope in page.locator("input[name=scopes]").all():
        scope.check()
    page.get_by_role("button", name="Make key").click()
    world.kept["key"] = page.locator(".gx-secret code").inner_text()

    page.goto("/settings/connections/new/shopify/")
    page.get_by_label("Name").fill("Shopify China")
    page.get_by_label("Shop address").fill("qinghe-tea")
    page.get_by_label("Webhook signing secret").fill(SHOPIFY_SECRET)
    page.get_by_role("button", name="Connect", exact=True).click()
    world.kept["hook"] = page.locator(".gx-secret code").first.inner_text()
    assert "/hooks/" in world.kept["hook"]


# --- 1: a file ---------------------------------------------------------------------------------------------


def test_a_file_is_checked_imported_and_undone(world: World, tmp_path: Path) -> None:
    page, day = world.staff, (PLACED - timedelta(days=3)).date().isoformat()
    rows = [
        "Order,Order date,Email,Name,Item,Qty,Unit price",
        f"F-1,{day} 10:00:00,ada@example.com,Ada Field,Teapot,2,100.00",
        f"F-1,{day} 10:00:00,ada@example.com,Ada Field,Cup,1,20.50",
        f"F-2,{day} 11:00:00,bea@example.com,Bea Hill,Cup,3,20.50",
        f"F-3,{day} 12:00:00,cem@example.com,Cem Lake,Cup,many,20.50",
    ]
    file = tmp_path / "orders of march.csv"
    file.write_text("\n".join(rows) + "\n")

    page.goto("/imports/")
    page.get_by_role("link", name="Import a file").first.click()
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Read the file").click()
    expect(page.get_by_role("cell", name="Ada Field").first).to_be_visible()
    mapped = page.get_by_label("Customer's name")
    mapped.select_option(
        "Name"
    )  # which the guess leaves to the person: in Shopify's export it is the order's
    page.get_by_role("button", name="Check the file").click()
    check = page.get_by_role("button", name="Import 2 orders")
    expect(check).to_be_visible()
    expect(page.get_by_text("1 row was refused")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("many"))).to_be_visible()

    check.click()
    expect(page.get_by_text("Equal to the penny")).to_be_visible()
    gross = page.get_by_role("row", name=re.compile("^Gross"))
    expect(gross).to_contain_text("282.00")
    expect(gross).to_contain_text("equal")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download them with their reasons").click()
    refused = Path(download.value.path()).read_text("utf-8-sig")
    assert "F-3" in refused
    assert "F-1" not in refused

    page.goto("/customers/")
    expect(page.get_by_text("Ada Field")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Undo this import").click()
    world.confirm("Undo this import")
    expect(page.get_by_text("Everything that it made is gone.")).to_be_visible()
    page.goto("/orders/")
    expect(page.get_by_text("F-1")).to_have_count(0)


# --- 2: the same order by every way ------------------------------------------------------------------------


def shopify_order(**changed: object) -> dict[str, object]:
    return {
        "id": 450789469,
        "name": "T-2231",
        "created_at": PLACED.isoformat(),
        "updated_at": PLACED.isoformat(),
        "currency": "CNY",
        "total_price": "398.00",
        "subtotal_price": "398.00",
        "financial_status": "paid",
        "fulfillment_status": None,
        "email": MEI,
        "customer": {"id": 7, "first_name": "Mei", "last_name": "Li", "email": MEI},
        "line_items": [
            {
                "id": 1,
                "quantity": 2,
                "price": "199.00",
                "title": "Yixing teapot",
                "product_id": 9,
                "sku": "TP",
            }
        ],
        **changed,
    }


def rest_order(external_id: str, number: str, *, days: int = 0, **changed: object) -> dict[str, object]:
    placed = PLACED - timedelta(days=days)
    return {
        "external_id": external_id,
        "number": number,
        "placed_at": placed.isoformat(),
        "source_updated_at": placed.isoformat(),
        "currency": "CNY",
        "total": "398.00",
        "subtotal": "398.00",
        "payment": "paid",
        "contact": {"name": "Mei Li", "email": MEI},
        "lines": [
            {
                "external_id": "1",
                "quantity": 2,
                "unit_price": "199.00",
                "title": "Yixing teapot",
                "sku": "TP",
            }
        ],
        **changed,
    }


def test_one_order_by_shopify_and_by_rest(world: World) -> None:
    page = world.staff
    assert world.shopify_sends("orders/create", shopify_order(), "d-1") == {
        "received": True,
        "repeated": False,
    }
    wait_until(lambda: world.api("GET", "orders/")["results"], what="the order from Shopify")
    (channel,) = world.api("GET", "channels/")["results"]
    newer = {"channel": channel["slug"], "source_updated_at": (PLACED + timedelta(minutes=1)).isoformat()}
    body = rest_order("450789469", "T-2231", tags=["gift"], **newer)
    assert world.api("POST", "orders/", body)["outcome"] == "updated"
    assert world.api("POST", "orders/", body)["outcome"] == "unchanged"
    assert world.shopify_sends("orders/create", shopify_order(), "d-1")["repeated"] is True
    world.shopify_sends("orders/updated", shopify_order(), "d-2")  # late, and older than what is known
    page.goto("/orders/")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="T-2231").click()
    expect(page.get_by_text("Yixing teapot").first).to_be_visible()
    world.kept["order"] = page.url
    (order,) = world.api("GET", "orders/")["results"]
    assert (order["total"], order["tags"]) == ("398.00", ["gift"])


# --- 3 and 4: the person, and what reacted -----------------------------------------------------------------


def test_the_customer_page_shows_the_person(world: World) -> None:
    page = world.staff
    page.goto("/customers/")
    page.get_by_role("link", name="Mei Li").click()
    world.kept["customer"] = page.url
    expect(page.locator("#customer-summary")).to_contain_text(MEI)
    expect(page.locator("#customer-identities")).to_contain_text("7")
    expect(page.locator("#customer-timeline")).to_contain_text("T-2231")


def test_points_score_metrics_journey_and_webhook(world: World) -> None:
    page = world.staff
    page.goto(world.kept["customer"])
    summary = page.locator("#customer-summary")
    expect(summary).to_contain_text("1 order")
    expect(summary).to_contain_text("398 points")
    expect(summary).to_contain_text("score")
    expect(page.locator("#customer-worth")).to_contain_text("398.00")
    expect(page.locator("#customer-timeline")).to_contain_text("Thank you after the first order")

    wait_until(lambda: world.receiver.asked, what="the outgoing webhook")
    (asked,) = world.receiver.asked
    Webhook(world.kept["webhook_secret"]).verify(asked.body, asked.headers)
    told = json.loads(asked.body)
    assert (told["type"], told["data"]["number"]) == ("orders.order_paid", "T-2231")

    page.goto("/journeys/")
    row = page.get_by_role("row", name=re.compile("Thank you after the first order"))
    expect(row.get_by_role("cell").nth(2)).to_have_text("1")


# --- 5: a segment, and a mail to it ------------------------------------------------------------------------


def test_a_segment_is_built_and_counted(world: World) -> None:
    page = world.staff
    world.api("POST", "orders/", rest_order("second", "T-2000", days=20))
    once = rest_order("third", "T-2001", contact={"name": "Bo Once", "email": "bo@example.com"})
    world.api("POST", "orders/", once)
    page.goto(world.kept["customer"])
    expect(page.locator("#customer-summary")).to_contain_text("2 orders")
    consent = page.locator("#customer-consent li", has_text="E-mail").filter(has_text="Marketing")
    page.get_by_role("button", name="Write down an answer").click()
    answers = page.get_by_role("dialog").locator("li", has_text="E-mail").filter(has_text="Marketing")
    answers.get_by_role("button", name="Allow").click()
    heard = page.get_by_role("dialog")
    heard.get_by_label("How did they say so?").select_option(label="By phone")
    heard.get_by_label("What shows it?").fill("Call of this morning, she asked for it")
    heard.get_by_role("button", name="Write it down").click()
    expect(consent).to_contain_text("allowed")
    page.keyboard.press("Escape")

    page.goto("/segments/new/")
    count = page.locator("[data-segment-count]")
    expect(count).to_have_text("2 people")
    page.get_by_label("Name", exact=True).fill("Loyal and content")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_role("button", name="Bought in a period").click()
    expect(count).to_have_text("1 person")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Find a condition").fill("open tick")
    page.keyboard.press("Enter")
    preview = page.locator("#segment-preview")
    expect(preview).to_contain_text(
        "People who bought at least 2 times in the last 90 days and who have no open ticket."
    )
    expect(preview).to_contain_text("Mei Li")
    expect(count).to_have_text("1 person")
    page.get_by_role("button", name="Save segment").click()
    expect(page.get_by_role("heading", name="Loyal and content")).to_be_visible()


def test_a_campaign_reaches_the_segment(world: World) -> None:
    page = world.staff
    page.goto("/campaigns/new/")
    page.get_by_label("Name").fill("Spring tea")
    page.get_by_role("button", name="Write it").click()
    page.locator("input[name=audience][value=segment]").check()
    page.locator("select[name=segment]").select_option(label="Loyal and content")
    subject = page.get_by_label("Subject")
    subject.fill("Tea for {{ customer.first_name }}")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        subject.press("Tab")  # the draft is kept; a click before that would be lost with the old check list
    send = page.get_by_role("button", name="Send to 1 person")
    expect(send).to_be_disabled()  # the starter's request to write something still stands in the mail
    content = page.get_by_label("Content", exact=True)
    content.fill(re.sub(r"write here .*? one button\.", "the first flush is in.", content.input_value()))
    expect(send).to_be_enabled()
    send.click()
    page.get_by_role("dialog").get_by_role("button", name="Send to 1 person").click()
    expect(world.figure("Sent")).to_contain_text("1")
    world.kept["campaign"] = page.url

    mail = world.mail("Tea for Mei", to=MEI)
    assert "Hello Mei" in mail.html
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert world.sink.to("bo@example.com") == []


def test_open_click_and_one_click_unsubscribe_come_back(world: World) -> None:
    mail = world.mail("Tea for Mei", to=MEI)
    person = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148"}
    (picture,) = set(re.findall(r"http://[^\"' ]+/t/o/[^\"' ]+\.gif", mail.html))
    link = re.findall(r"http://[^\"' ]+/t/c/[^\"' <]+", mail.html)[0]
    # Who looks sooner is a program that checks mail on arrival, and counts as nobody. The step before saw the
    # mail counted as sent, so from here on it is long enough on a fast machine too.
    time.sleep(ARRIVAL_SECONDS + 0.5)
    assert world.http.get(picture, headers=person).headers["content-type"] == "image/gif"
    assert world.http.get(link, headers=person, max_redirects=0).status == 302
    page = world.staff
    page.goto(world.kept["campaign"])
    expect(world.figure("Opened")).to_contain_text("100")
    # A click is judged a few seconds later: what a program does besides is known by then.
    expect(world.figure("Clicked")).to_contain_text("100", timeout=40_000)

    (way_out,) = re.findall(r"<(http[^>]+)>", str(mail.message["List-Unsubscribe"]))
    answer = world.http.post(way_out, form={"List-Unsubscribe": "One-Click"}, headers=person)
    assert answer.ok
    page.goto(world.kept["campaign"])
    expect(world.figure("Unsubscribed")).to_contain_text("1")
    page.goto(world.kept["customer"])
    consent = page.locator("#customer-consent li", has_text="E-mail").filter(has_text="Marketing")
    expect(consent).to_contain_text("withdrawn")


# --- 6: the parcel, the portal, the help desk --------------------------------------------------------------


def test_staff_ship_and_the_customer_comes_in_by_a_code(world: World) -> None:
    page, buyer = world.staff, world.buyer
    page.goto(world.kept["order"])
    page.get_by_role("button", name="Record parcel").click()
    panel = page.get_by_role("dialog")
    panel.get_by_label("Carrier").fill("SF Express")
    panel.get_by_label("Tracking number").fill("SF123")
    panel.get_by_role("button", name="The parcel has left").click()
    page.get_by_role("button", name="Delivered", exact=True).click()
    expect(page.get_by_role("button", name="Delivered", exact=True)).to_have_count(0)

    buyer.goto("/portal/qinghe/")
    buyer.get_by_label("Order or ticket number").fill("T-2231")
    buyer.get_by_label("E-mail or phone").fill(MEI)
    buyer.get_by_role("button", name="Send me a code").click()
    code = re.search(r"\b\d{6}\b", world.mail("code", to=MEI).text)
    assert code
    buyer.get_by_label("Code").fill(code[0])
    buyer.get_by_role("button", name="Open my orders").click()
    expect(buyer.get_by_role("heading", name="Hello Mei")).to_be_visible()
    buyer.get_by_role("link", name=re.compile("T-2231")).click()
    expect(buyer.locator(".gx-moments")).to_contain_text("You ordered")
    expect(buyer.locator("#order-story")).to_contain_text("SF123")
    world.kept["portal_order"] = buyer.url


def test_a_return_is_asked_for(world: World) -> None:
    page, buyer = world.staff, world.buyer
    buyer.get_by_role("link", name="Send something back").click()
    buyer.get_by_label("Yixing teapot").select_option("1")
    buyer.get_by_label("Doesn't fit").check()
    buyer.get_by_role("button", name="Ask to send it back").click()
    expect(buyer.get_by_role("heading", name="R-1")).to_be_visible()
    world.mail("R-1", to=MEI)
    page.goto(world.kept["order"])
    expect(page.get_by_text("R-1").first).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Goods are back")).to_be_visible()


def test_the_customer_and_the_desk_talk(world: World) -> None:
    page, buyer = world.staff, world.buyer
    page.goto("/inbox/")
    expect(page.get_by_text("All done here")).to_be_visible()
    buyer.goto(world.kept["portal_order"])
    buyer.get_by_role("link", name="Ask about this order").click()
    buyer.get_by_label("Your message").fill("The spout broke.")
    buyer.get_by_role("button", name="Send message").click()

    row = page.locator("[data-talk='1']")
    expect(row).to_be_visible()  # live, without a reload
    row.click()
    expect(page.locator("#ticket-beside")).to_contain_text("T-2231")
    expect(page.locator("#ticket-thread")).to_contain_text("The spout broke.")
    page.locator("#composer-text").fill("We send a new one today.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".gx-words--outbound")).to_contain_text("We send a new one today.")
    world.mail("We send a new one today.", to=MEI)
    expect(buyer.locator(".gx-chat")).to_contain_text("We send a new one today.")

    page.goto(world.kept["customer"])
    expect(page.locator("#customer-summary")).to_contain_text("Promotions are held back")
    expect(page.locator("#customer-timeline")).to_contain_text("The spout broke")


# --- 7: a review -------------------------------------------------------------------------------------------


def test_a_review_is_written_published_answered_and_sealed(world: World) -> None:
    page, buyer = world.staff, world.buyer
    buyer.goto(world.kept["portal_order"])
    buyer.get_by_role("link", name="Review", exact=True).click()
    buyer.get_by_label("4 – good").check()
    buyer.get_by_label("In a few words").fill("Good tea, weak spout")
    buyer.get_by_role("button", name="Send review").click()
    expect(buyer.get_by_text("Good tea, weak spout").first).to_be_visible()

    page.goto("/reviews/")
    page.get_by_role("link", name="Good tea, weak spout").click()
    expect(page.get_by_text("Verified purchase").first).to_be_visible()
    review = page.url
    page.get_by_label("Public answer").fill("A new teapot is on its way.")
    page.get_by_role("button", name="Answer in public").click()
    expect(page.get_by_role("button", name="Change the answer")).to_be_visible()
    page.get_by_role("button", name="Publish").click()
    page.goto(review)
    page.get_by_role("link", name="Open", exact=True).click()
    expect(page.get_by_text("Good tea, weak spout")).to_be_visible()
    expect(page.get_by_text("Verified purchase")).to_be_visible()
    expect(page.get_by_text("A new teapot is on its way.")).to_be_visible()
    markup = json.loads(page.locator("script[type='application/ld+json']").text_content() or "")
    assert markup["@type"] == "Product"
    assert markup["aggregateRating"]["reviewCount"] == 1
    plain = world.http.get(f"{page.url.rstrip('/')}.json").json()
    assert (plain["product"]["title"], plain["rating"]["count"]) == ("Yixing teapot", 1)

    page.goto("/reviews/integrity/")
    expect(page.locator("#main")).to_contain_text("The ledger verifies")


# --- 8: Home -----------------------------------------------------------------------------------------------


def test_home_shows_today(world: World) -> None:
    page = world.staff
    page.goto("/")
    expect(page.locator(".gx-headline")).to_be_visible()
    expect(world.figure("Revenue today")).to_contain_text("796")
    expect(world.figure("Orders today")).to_contain_text("2")
    expect(page.locator("#home-revenue canvas")).to_be_visible()
    expect(page.locator("#home-board")).to_contain_text("Spring tea")
