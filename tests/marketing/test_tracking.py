"""What comes back from mails: a person's looks count, a program's do not, and no GET changes a consent."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.models import Event
from crm.integrations.models import OutboundMail
from customers.consent import consent_now
from customers.merging.services import customers_merge
from customers.models import Consent, Customer
from customers.models.wording import digest_of
from customers.privacy.erasing import customer_erase
from customers.wordings.selectors import wording_now
from customers.wordings.services import consent_settings_save, wording_write
from marketing.campaigns import services
from marketing.looks import KEPT, SETTLE_SECONDS, clicks_sweep, look_reported
from marketing.models import Delivery, Engagement, Link
from marketing.sending import tokens
from marketing.sending.robots import label_of
from tests.factories.marketing_mail import make_campaign, make_subscriber

PERSON = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"


@pytest.fixture
def sent(scoped: Merchant) -> Delivery:
    """A mail that left an hour ago, with one link."""
    make_subscriber(scoped, "Mei")
    campaign = services.campaign_start(campaign=make_campaign(scoped))
    target = "https://shop.example/tea?for={{ customer.id }}"
    Link.objects.create(merchant=scoped, campaign=campaign, number=0, target=target)
    row: Delivery = Delivery.objects.get()
    Delivery.objects.update(state="sent", sent_at=timezone.now() - dt.timedelta(hours=1))
    row.refresh_from_db()
    return row


def ask(path: str, *, method: str = "get", agent: str = PERSON, **headers: str):
    client = Client(enforce_csrf_checks=True)
    return getattr(client, method)(path, headers={"User-Agent": agent, **headers})


def click(row: Delivery, number: int = 0) -> str:
    return f"/t/c/{tokens.make(tokens.CLICK, row.pk, number)}"


def picture(row: Delivery) -> str:
    return f"/t/o/{tokens.make(tokens.OPEN, row.pk)}.gif"


def way_out(row: Delivery) -> str:
    return f"/u/{tokens.make(tokens.UNSUBSCRIBE, row.pk)}/"


def settle(row: Delivery, *, after: float = SETTLE_SECONDS + 1) -> None:
    """As if the clicks had been made that many seconds ago."""
    for one in Engagement.objects.filter(delivery=row):
        Engagement.objects.filter(pk=one.pk).update(at=one.at - dt.timedelta(seconds=after))
    clicks_sweep()
    row.refresh_from_db()


def test_a_click_leads_to_the_stored_target_and_counts_once(sent: Delivery) -> None:
    for _ in range(3):
        answer = ask(click(sent))
        assert answer.status_code == 302
        assert answer["Location"] == f"https://shop.example/tea?for={sent.customer_id}"
        settle(sent)
    assert sent.clicked_at is not None
    assert sent.opened_at is not None, "who clicks has opened"
    assert Event.objects.filter(name="marketing.mail_clicked").count() == 1
    assert Event.objects.get(name="marketing.mail_opened").customer_id == sent.customer_id
    assert Engagement.objects.filter(kind="click", label="").count() == 3
    sent.customer.metrics.refresh_from_db()
    assert sent.customer.metrics.last_clicked_at is not None


def test_an_open_is_a_picture_that_nobody_keeps(sent: Delivery) -> None:
    answer = ask(picture(sent))
    assert answer["Content-Type"] == "image/gif"
    assert "no-store" in answer["Cache-Control"]
    sent.refresh_from_db()
    assert sent.opened_at is not None
    assert sent.clicked_at is None


@pytest.mark.parametrize(
    "name, method, agent, headers",
    [
        ("asks only for the head", "head", PERSON, {}),
        ("no name", "get", "", {}),
        ("scanner", "get", "Mozilla/5.0 (compatible; Barracuda Sentinel)", {}),
        ("command line", "get", "curl/8.5.0", {}),
        ("bot", "get", "Mozilla/5.0 (compatible; bingbot/2.0)", {}),
        ("loads ahead", "get", PERSON, {"Sec-Purpose": "prefetch;prerender"}),
    ],
)
def test_a_program_counts_as_nobody(
    sent: Delivery, name: str, method: str, agent: str, headers: dict[str, str]
) -> None:
    for path in (picture(sent), click(sent), way_out(sent)) * 3:
        assert ask(path, method=method, agent=agent, **headers).status_code in (200, 302)
    sent.refresh_from_db()
    assert (sent.opened_at, sent.clicked_at, sent.unsubscribed_at) == (None, None, None)
    assert consent_now(customer=sent.customer, channel="email") is True
    assert Event.objects.filter(name__startswith="marketing.mail_").count() == 0
    assert Engagement.objects.exclude(label="").count() == 6
    assert ask(click(sent)).status_code == 302, "nothing was used up"


def test_a_click_counts_when_it_has_settled(sent: Delivery) -> None:
    ask(click(sent))
    made = Engagement.objects.get()
    clicks_sweep()
    sent.refresh_from_db()
    assert sent.clicked_at is None and made.waits, "something else may still come"
    settle(sent)
    assert sent.clicked_at == Engagement.objects.get().at, "counted with the time at which it was made"
    sent.customer.metrics.refresh_from_db()
    assert sent.customer.metrics.last_clicked_at == sent.clicked_at
    assert clicks_sweep() == 0


@pytest.mark.parametrize(
    "name, requests",
    [
        ("asks for every link at once", [("get", 0), ("get", 1), ("get", 2)]),
        ("asks for one link thrice", [("get", 0)] * 3),
        ("asks whether it exists, then for it", [("head", 0), ("get", 0)]),
        ("asks for it, then whether it exists", [("get", 0), ("head", 1)]),
        ("gets and heads everything three times", [("get", 0), ("head", 0), ("get", 1), ("head", 1)] * 3),
    ],
)
def test_a_program_that_calls_itself_a_browser_counts_as_nobody(
    sent: Delivery, name: str, requests: list[tuple[str, int]]
) -> None:
    for number in (1, 2):
        target = f"https://shop.example/{number}"
        Link.objects.create(merchant=sent.merchant, campaign=sent.campaign, number=number, target=target)
    for method, number in requests:
        assert ask(click(sent, number), method=method).status_code == 302
    settle(sent)
    assert (sent.clicked_at, sent.opened_at) == (None, None)
    assert not Event.objects.filter(name__startswith="marketing.mail_").exists()
    assert not Engagement.objects.filter(label="").exists()
    assert not Engagement.objects.filter(waits=True).exists()


def test_a_person_may_look_at_two_links_and_come_back(sent: Delivery) -> None:
    Link.objects.create(
        merchant=sent.merchant, campaign=sent.campaign, number=1, target="https://shop.example/"
    )
    for number in (0, 1, 0):
        ask(click(sent, number))
    settle(sent)
    assert sent.clicked_at is not None and Engagement.objects.filter(label="").count() == 3


def test_a_look_that_is_told_late_turns_no_figure_back(sent: Delivery) -> None:
    """Carriers report minutes or hours after the look; the customer has opened another mail since."""
    ask(picture(sent))
    seen = sent.customer.metrics
    seen.refresh_from_db()
    opened = seen.last_opened_at
    for kind in (Engagement.Kind.OPEN, Engagement.Kind.CLICK):
        look_reported(
            delivery=sent, kind=kind, link=None, agent=PERSON, at=timezone.now() - dt.timedelta(minutes=30)
        )
    clicks_sweep()
    seen.refresh_from_db()
    assert seen.last_opened_at == opened
    assert seen.last_clicked_at is not None and seen.last_clicked_at < opened


def test_a_program_that_fills_its_place_leaves_room_for_the_person(sent: Delivery) -> None:
    for _ in range(KEPT + 2):
        ask(click(sent), agent="curl/8.5.0")
    assert Engagement.objects.filter(label="scanner").count() == KEPT
    settle(sent, after=3600)
    ask(click(sent))
    settle(sent)
    assert sent.clicked_at is not None


def test_a_click_that_waits_while_its_reader_is_erased_counts_for_nothing(sent: Delivery) -> None:
    ask(click(sent))
    customer_erase(customer=sent.customer, reason="asked", by="")
    settle(sent)
    assert sent.clicked_at is None and not Engagement.objects.filter(waits=True).exists()


@pytest.mark.parametrize(
    "agent, device",
    [
        (PERSON, "phone"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Mobile Safari/537.36", "phone"),
        ("Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 Mobile Safari/537.36", "phone"),
        ("Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15", "tablet"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/129.0", "desktop"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15", "desktop"),
        ("something", ""),
    ],
)
def test_the_device_is_kept_with_a_look(sent: Delivery, agent: str, device: str) -> None:
    ask(picture(sent), agent=agent)
    kept = Engagement.objects.get()
    assert (kept.device, kept.label) == (device, "")


@pytest.mark.parametrize(
    "kind, seconds, agent, label",
    [
        ("open", 1, PERSON, "prefetch"),
        ("open", 3, PERSON, ""),
        (
            "open",
            3600,
            "Mozilla/5.0 (Windows NT 5.1) GoogleImageProxy (via ggpht.com GoogleImageProxy)",
            "proxy",
        ),
        ("open", 3600, "Mozilla/5.0", "proxy"),
        ("click", 1, PERSON, "scanner"),
        ("click", 3, PERSON, ""),
    ],
)
def test_who_asks_too_soon_or_for_everybody(kind: str, seconds: int, agent: str, label: str) -> None:
    now = timezone.now()
    found = label_of(
        kind=kind,
        method="GET",
        user_agent=agent,
        purpose="",
        sent_at=now - dt.timedelta(seconds=seconds),
        now=now,
    )
    assert found == label


@pytest.mark.parametrize("path", ["/t/c/x", "/t/c/" + "A" * 27, "/u/x/", "/u/" + "A" * 27 + "/"])
def test_a_token_that_is_not_ours_leads_nowhere(sent: Delivery, path: str) -> None:
    assert ask(path).status_code == 404


def test_a_token_of_another_kind_or_link_is_refused(sent: Delivery) -> None:
    token = tokens.make(tokens.OPEN, sent.pk)
    assert ask(f"/t/c/{token}").status_code == 404
    assert ask(f"/u/{token}/", method="post").status_code == 404
    assert ask(click(sent, 7)).status_code == 404
    assert consent_now(customer=sent.customer, channel="email") is True


def test_the_picture_answers_alike_for_an_unknown_token(sent: Delivery) -> None:
    assert ask("/t/o/nonsense.gif").content == ask(picture(sent)).content


def test_a_target_never_comes_from_the_address(sent: Delivery) -> None:
    answer = ask(click(sent) + "?url=https://evil.example/&u=https://evil.example/")
    assert answer["Location"].startswith("https://shop.example/")


def test_looking_at_the_way_out_changes_nothing(sent: Delivery) -> None:
    page = ask(way_out(sent))
    assert page.status_code == 200
    assert b"Unsubscribe" in page.content
    assert sent.address.encode() not in page.content, "the address is shown masked"
    assert consent_now(customer=sent.customer, channel="email") is True


@pytest.mark.parametrize("body", [{"List-Unsubscribe": "One-Click"}, {}])
def test_a_post_unsubscribes_without_login_or_csrf(sent: Delivery, body: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)
    for _ in range(2):
        assert client.post(way_out(sent), body).status_code == 200
    assert consent_now(customer=sent.customer, channel="email") is False
    entry = Consent.objects.get(granted=False)
    assert entry.source == "unsubscribe"
    assert entry.proof["message_id"] == sent.message_id
    assert entry.proof["one_click"] is bool(body)
    sent.refresh_from_db()
    assert sent.unsubscribed_at is not None
    assert Event.objects.filter(name="marketing.unsubscribed").count() == 1


def test_a_mistake_can_be_taken_back(sent: Delivery) -> None:
    client = Client()
    client.post(way_out(sent))
    client.post(way_out(sent), {"action": "again"})
    assert consent_now(customer=sent.customer, channel="email") is True


def test_a_yes_on_the_page_is_to_the_text_that_stands_there(sent: Delivery, scoped: Merchant) -> None:
    client = Client()
    page = client.post(way_out(sent)).content.decode()
    text = wording_now(scoped, "email", "marketing", "en")
    assert text is not None and text.text in page and f'value="{text.digest}"' in page
    write = {"channel": "email", "purpose": "marketing", "language": "en"}
    wording_write(merchant=scoped, **write, text="Our new words")
    again = client.post(way_out(sent), {"action": "again", "wording": text.digest})
    words = again.content.decode()
    assert again.status_code == 409 and "Our new words" in words and "The text has changed" in words
    assert consent_now(customer=sent.customer, channel="email") is False
    new = digest_of("Our new words")
    assert client.post(way_out(sent), {"action": "again", "wording": new}).status_code == 200
    entry = Consent.objects.select_related("wording").order_by("-id").first()
    assert (entry.granted, entry.source, entry.wording.text) == (True, "resubscribe", "Our new words")
    assert entry.proof["text_sha256"] == new and entry.proof["message_id"] == sent.message_id


def test_a_yes_on_the_page_is_confirmed_by_mail_where_the_shop_asks_for_it(
    sent: Delivery, scoped: Merchant
) -> None:
    consent_settings_save(merchant=scoped, double_opt_in=True)
    client = Client()
    client.post(way_out(sent))
    answer = client.post(way_out(sent), {"action": "again"})
    assert "Press its button" in answer.content.decode()
    assert consent_now(customer=sent.customer, channel="email") is False
    assert OutboundMail.objects.get(purpose="consent_confirm").to == sent.address


def test_an_old_mail_says_no_yes_for_a_new_address(sent: Delivery) -> None:
    client = Client()
    client.post(way_out(sent))
    Customer.objects.update(email="new@example.com")
    answer = client.post(way_out(sent), {"action": "again"})
    assert answer.status_code == 409 and "subscribe me again" not in answer.content.decode()
    assert consent_now(customer=sent.customer, channel="email") is False


def test_nothing_new_is_kept_about_an_erased_person(sent: Delivery) -> None:
    customer_erase(customer=sent.customer, reason="asked", by="")
    before = Consent.objects.count()
    assert ask(picture(sent)).status_code == ask(way_out(sent)).status_code == 200
    assert ask(click(sent)).status_code == 302
    for body in ({"List-Unsubscribe": "One-Click"}, {"action": "again"}):
        answer = Client().post(way_out(sent), body)
        assert "You are unsubscribed" in answer.content.decode(), "whatever the ledger says of before"
    assert Client().post(way_out(sent)).status_code == 200
    assert not Engagement.objects.exists() and Consent.objects.count() == before


def test_the_way_out_is_that_of_who_they_are_now(sent: Delivery, scoped: Merchant) -> None:
    absorbed = sent.customer
    survivor = make_subscriber(scoped, "Mei Li")
    customers_merge(survivor=survivor, absorbed=absorbed)
    Delivery.objects.update(customer=absorbed)  # as one that was on its way, and one to the other as well
    assert "No more mail from" in ask(way_out(sent)).content.decode(), "there is a way out"
    answer = ask(way_out(sent), method="post")
    assert answer.status_code == 200 and "You are unsubscribed" in answer.content.decode()
    assert consent_now(customer=survivor, channel="email") is False
    assert Event.objects.get(name="marketing.unsubscribed").customer_id == survivor.pk


def test_who_opens_a_doubtful_mail_is_a_person(sent: Delivery) -> None:
    handed = timezone.now() - dt.timedelta(minutes=5)
    Delivery.objects.update(state="unknown", sent_at=None, sending_at=handed)
    ask(picture(sent))
    sent.refresh_from_db()
    assert sent.opened_at is not None
    assert Engagement.objects.get().label == ""
