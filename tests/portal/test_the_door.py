"""Getting in: nobody learns who buys here, guesses a code, or walks from one shop or person into another."""

from __future__ import annotations

import re
import statistics
import time
from datetime import timedelta
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.integrations.models import OutboundMail
from crm.lib.tenancy import merchant_scope
from customers import portal_codes, portal_door
from customers.models import Identity, PortalCode
from tests.factories.customers import make_customer
from tests.factories.orders import make_order
from tests.portal.conftest import ask, code_in_mail, enter, work


def bare(response) -> str:
    """The page without what differs on every load."""
    return re.sub(r'(csrfmiddlewaretoken" value="|X-CSRFToken": ")[^"]+', "", response.content.decode())


@pytest.mark.parametrize(
    "reference, contact",
    [
        ("T-100", "mei@example.com"),
        ("#T-100", " MEI@example.com "),
        ("t-100", "13800138000"),
        (" T-100 ", "+86 138 0013 8000"),
    ],
)
def test_number_and_address_let_in(merchant, order, reference, contact):
    client = enter(Client(), merchant, reference, contact)
    assert "T-100" in client.get(f"/portal/{merchant.slug}/").content.decode()


@pytest.mark.parametrize(
    "case, reference, contact",
    [
        ("another's address", "T-100", "eve@example.com"),
        ("another's number", "T-101", "mei@example.com"),
        ("neither", "X", "x"),
        ("the last digits of a phone", "T-100", "8000"),
        ("a pattern", "T-1%", "mei@example.com"),
        ("no letters at all", "#", "@"),
    ],
)
def test_others_get_no_mail_and_the_same_answer(merchant, order, case, reference, contact):
    hit, miss = Client(), Client()
    first, second = ask(hit, merchant, "T-100", "mei@example.com"), ask(miss, merchant, reference, contact)
    work()
    assert (first.status_code, first["Location"]) == (second.status_code, second["Location"])
    pages = [client.get(f"/portal/{merchant.slug}/code/") for client in (hit, miss)]
    assert bare(pages[0]) == bare(pages[1])
    wrong = [client.post(f"/portal/{merchant.slug}/code/", {"code": "000000"}) for client in (hit, miss)]
    assert wrong[0].status_code == wrong[1].status_code == 422
    assert bare(wrong[0]) == bare(wrong[1])
    with merchant_scope(merchant):
        assert OutboundMail.objects.count() == 1, case


def test_a_hit_and_a_miss_ask_the_database_the_same(merchant, order):
    shapes = []
    for reference in ("T-100", "T-999"):
        client = Client()
        with CaptureQueriesContext(connection) as queries:
            ask(client, merchant, reference, "mei@example.com")
        work()
        with CaptureQueriesContext(connection) as more:
            client.post(f"/portal/{merchant.slug}/code/", {"code": "000000"})
        shapes.append([re.sub(r"'[^']*'|\d+", "?", one["sql"]) for one in [*queries, *more]])
    assert shapes[0] == shapes[1]


@pytest.mark.slow
def test_a_hit_and_a_miss_take_the_same_time(merchant, order):
    """Medians of interleaved tries; the difference stays far below what a network hides."""
    times: dict[str, list[float]] = {"T-100": [], "T-999": []}
    with mock.patch.dict(portal_codes.LIMITS, dict.fromkeys(portal_codes.LIMITS, 10_000)):
        for _ in range(25):
            for reference, taken in times.items():
                start = time.perf_counter()
                ask(Client(), merchant, reference, "mei@example.com")
                taken.append(time.perf_counter() - start)
    hit, miss = (statistics.median(taken) for taken in times.values())
    assert abs(hit - miss) < 0.5 * max(hit, miss)


def test_five_wrong_codes_burn_the_question_even_for_the_right_one(merchant, order):
    client = Client()
    ask(client, merchant, "T-100", "mei@example.com")
    work()
    right = code_in_mail(merchant)
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(portal_codes.TRIES):
        assert client.post(f"/portal/{merchant.slug}/code/", {"code": wrong}).status_code == 422
    assert client.post(f"/portal/{merchant.slug}/code/", {"code": right}).status_code == 422
    assert client.get(f"/portal/{merchant.slug}/").status_code == 302


def test_a_code_lets_in_once_and_only_the_browser_that_asked(merchant, order):
    asker, thief = Client(), Client()
    ask(asker, merchant, "T-100", "mei@example.com")
    ask(thief, merchant, "T-999", "thief@example.com")
    work()
    code = code_in_mail(merchant)
    assert thief.post(f"/portal/{merchant.slug}/code/", {"code": code}).status_code == 422
    assert asker.post(f"/portal/{merchant.slug}/code/", {"code": code}).status_code == 302
    with merchant_scope(merchant):
        row = PortalCode.objects.exclude(used_at=None).get()
        again = portal_codes.code_check(merchant=merchant, public_id=row.public_id, code=code, ip="127.0.0.9")
    assert again.answer is portal_codes.Answer.OVER


def test_a_code_runs_out(merchant, order):
    client = Client()
    ask(client, merchant, "T-100", "mei@example.com")
    work()
    with merchant_scope(merchant):
        PortalCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.post(f"/portal/{merchant.slug}/code/", {"code": code_in_mail(merchant)}).status_code == 422


def test_the_code_stands_nowhere_in_its_row_and_typed_words_are_forgotten(merchant, order):
    ask(Client(), merchant, "T-100", "mei@example.com")
    work()
    with merchant_scope(merchant):
        row = PortalCode.objects.values().get()
    assert code_in_mail(merchant) not in str(row)
    assert (row["reference"], row["contact"]) == ("", "")


def test_ringing_twice_mails_once(merchant, order):
    ask(Client(), merchant, "T-100", "mei@example.com")
    work()
    with merchant_scope(merchant):
        row = PortalCode.objects.get()
    portal_codes.send_in_scope(merchant.pk, row.pk)
    with merchant_scope(merchant):
        assert OutboundMail.objects.count() == 1


def test_a_lost_ring_is_found_by_the_sweep(merchant, order):
    ask(Client(), merchant, "T-100", "mei@example.com")
    with merchant_scope(merchant):
        PortalCode.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    assert portal_codes.sweep_codes() == 1


@pytest.mark.parametrize("redis_there", [True, False])
@pytest.mark.parametrize("reference", ["T-100", "T-999"])
def test_asking_again_and_again_is_refused_for_hits_and_misses_alike(
    merchant, order, settings, reference, redis_there
):
    if not redis_there:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    for _ in range(portal_codes.PER_REFERENCE):
        assert ask(Client(), merchant, reference, "mei@example.com").status_code == 302
    assert ask(Client(), merchant, reference, "mei@example.com").status_code == 429


def test_a_session_is_good_in_its_own_shop_only(buyer, merchant, rival):
    make_order(rival, make_customer(rival, email="mei@example.com"), number="T-100")
    assert buyer.get(f"/portal/{merchant.slug}/").status_code == 200
    answer = buyer.get(f"/portal/{rival.slug}/")
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, f"/portal/{rival.slug}/sign-in/")


def test_a_question_in_one_shop_opens_no_other(merchant, rival, order):
    client = Client()
    ask(client, merchant, "T-100", "mei@example.com")
    work()
    code = code_in_mail(merchant)
    assert client.post(f"/portal/{rival.slug}/code/", {"code": code}).status_code == 302  # to its own sign-in
    assert client.get(f"/portal/{rival.slug}/").status_code == 302


def test_signing_in_changes_the_session_key(merchant, order):
    client = Client()
    ask(client, merchant, "T-100", "mei@example.com")
    before = client.cookies["guanxi_session"].value
    work()
    client.post(f"/portal/{merchant.slug}/code/", {"code": code_in_mail(merchant)})
    assert client.cookies["guanxi_session"].value != before


def test_signing_out_leaves_staff_signed_in(merchant, order, member_client):
    client = enter(member_client("owner"), merchant, "T-100", "mei@example.com")
    client.post(f"/portal/{merchant.slug}/sign-out/")
    assert client.get(f"/portal/{merchant.slug}/").status_code == 302
    assert client.get("/inbox/").status_code == 200


@pytest.mark.parametrize(
    "case, seconds", [("idle", portal_door.IDLE_SECONDS + 1), ("too long", portal_door.LONGEST_SECONDS + 1)]
)
def test_a_session_ends(buyer, merchant, case, seconds):
    with mock.patch.object(portal_door.time, "time", return_value=time.time() + seconds):
        assert buyer.get(f"/portal/{merchant.slug}/").status_code == 302, case


def test_an_erased_customer_is_out_at_once(buyer, merchant, mei):
    with merchant_scope(merchant):
        type(mei).objects.update(erased_at=timezone.now())
    assert buyer.get(f"/portal/{merchant.slug}/").status_code == 302


def test_an_address_that_is_not_known_as_theirs_opens_that_order_alone(merchant, mei, order):
    gift = make_order(merchant, mei, number="T-200", email="friend@example.com")
    client = enter(Client(), merchant, "T-200", "friend@example.com")
    page = client.get(f"/portal/{merchant.slug}/").content.decode()
    assert "T-200" in page
    assert "T-100" not in page
    assert client.get(f"/portal/{merchant.slug}/orders/{order.pk}/").status_code == 404
    assert client.get(f"/portal/{merchant.slug}/orders/{gift.pk}/").status_code == 200


def test_a_proven_address_is_marked_verified(buyer, merchant):
    with merchant_scope(merchant):
        assert Identity.objects.get(kind="email").verified_at is not None


def test_next_never_leaves_the_shops_portal(merchant, order):
    client = Client()
    client.get(f"/portal/{merchant.slug}/sign-in/", {"next": "https://evil.example/"})
    client.get(f"/portal/{merchant.slug}/sign-in/", {"next": "//evil.example/"})
    ask(client, merchant, "T-100", "mei@example.com")
    work()
    response = client.post(f"/portal/{merchant.slug}/code/", {"code": code_in_mail(merchant)})
    assert response["Location"] == f"/portal/{merchant.slug}/"


def test_an_unknown_shop_is_not_there(db):
    assert Client().get("/portal/nobody/sign-in/").status_code == 404
