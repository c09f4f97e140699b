"""The customer list and page, as members of different roles meet them."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from crm.accounts.models import Membership
from crm.events.models import Event
from crm.lib.tenancy import merchant_scope
from customers.consent import consent_record
from customers.models import Address, Consent, Customer, Identity, Note
from customers.registries import HOLDS
from customers.searching import search_rebuild_all
from orders.models import Order
from tests.factories.accounts import make_team
from tests.factories.customers import (
    make_address,
    make_company,
    make_consent,
    make_customer,
    make_identity,
    make_note,
)
from tests.factories.orders import make_order, make_return


@pytest.fixture
def owner_client(member_client):
    return member_client("owner")


def names_on(response):
    return re.findall(r'gx-person__name" title="([^"]*)"', response.content.decode())


# --- the list -----------------------------------------------------------------------------------------------


def test_an_empty_shop_is_told_how_customers_come(owner_client):
    assert "Your customers will be here" in owner_client.get("/customers/").content.decode()


@pytest.mark.parametrize(
    "case, query, names",
    [
        ("newest first", "", ["Cy", "Bo", "Al"]),
        ("most spent", "sort=net", ["Bo", "Al", "Cy"]),
        ("bought last, the others behind", "sort=last_order", ["Al", "Bo", "Cy"]),
        ("by name", "sort=name", ["Al", "Bo", "Cy"]),
        ("stage", "stage=repeat", ["Bo"]),
        ("kind", "kind=distributor", ["Cy"]),
        ("tag", "tag=vip", ["Al"]),
        ("country", "country=DE", ["Bo"]),
        ("mine", "owner=me", ["Al"]),
        ("nobody's", "owner=none", ["Cy", "Bo"]),
        ("allowed mail", "consent=granted", ["Al"]),
        ("withdrew", "consent=withdrawn", ["Bo"]),
        ("never asked", "consent=never", ["Cy"]),
        ("bought lately", "bought=30", ["Al"]),
        ("not for long", "bought=not90", ["Bo"]),
        ("never bought", "bought=never", ["Cy"]),
        ("open ticket", "ticket=open", ["Cy"]),
        ("search", "q=bo", ["Bo"]),
        ("search and filter", "q=bo&stage=lead", []),
        ("an unknown value filters nothing", "stage=nonsense", ["Cy", "Bo", "Al"]),
    ],
)
def test_filters_search_and_order(case, query, names, owner_client, merchant):
    now = timezone.now()
    al = make_customer(
        merchant,
        "Al",
        tags=["vip"],
        owner=owner_client.membership,
        created_at=now - timedelta(days=3),
        net=10,
        orders_count=1,
        last_order_at=now - timedelta(days=2),
    )
    bo = make_customer(
        merchant,
        "Bo",
        stage="repeat",
        country="DE",
        created_at=now - timedelta(days=2),
        net=99,
        orders_count=4,
        last_order_at=now - timedelta(days=200),
    )
    make_customer(merchant, "Cy", kind="distributor", open_tickets=1, created_at=now)
    make_consent(al)
    make_consent(bo)
    make_consent(bo, granted=False)
    with merchant_scope(merchant):
        search_rebuild_all()

    assert names_on(owner_client.get(f"/customers/?{query}")) == names


def test_load_more_answers_the_next_rows_only(owner_client, merchant):
    for _number in range(53):
        make_customer(merchant)
    page = owner_client.get("/customers/")
    more = re.search(r'hx-get="([^"]*after=[^"]*)"', page.content.decode()).group(1).replace("&amp;", "&")

    rest = owner_client.get(more, headers={"HX-Request": "true"})

    assert len(names_on(page)) == 50
    assert len(names_on(rest)) == 3
    assert rest.content.decode().lstrip().startswith("<tbody>")
    assert not set(re.findall(r"/customers/(\d+)/", page.content.decode())) & set(
        re.findall(r'value="(\d+)"', rest.content.decode())
    )


def test_the_list_costs_the_same_at_2_and_at_50_rows(owner_client, merchant):
    counts = []
    for total in (2, 50):
        with merchant_scope(merchant):
            known = Customer.objects.count()
        for _number in range(total - known):
            make_customer(
                merchant, company=make_company(merchant), owner=owner_client.membership, tags=["a", "b"]
            )
        owner_client.get("/customers/")
        with CaptureQueriesContext(connection) as queries:
            owner_client.get("/customers/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "role, shown",
    [("owner", True), ("marketer", True), ("agent", True), ("analyst", False), ("viewer", False)],
)
def test_addresses_are_masked_for_who_may_not_see_them(role, shown, member_client, merchant):
    one = make_customer(merchant, "Li", email="secret.li@example.cn", phone="+8613800138000")
    make_order(merchant, one)
    client = member_client(role)

    pages = [
        client.get(path).content.decode() for path in ("/customers/", f"/customers/{one.pk}/", "/orders/")
    ]

    assert ("secret.li@example.cn" in pages[0]) is shown
    assert ("secret.li@example.cn" in pages[1]) is shown
    assert ("+86 138 0013 8000" in pages[1]) is shown
    if not shown:
        assert all("secret.li" not in page and "13800138000" not in page for page in pages)


# --- many at once -------------------------------------------------------------------------------------------


def test_tagging_and_assigning_the_ticked(owner_client, merchant):
    first, second, third = (make_customer(merchant, tags=["old"]) for _ in range(3))
    ids = [first.pk, second.pk]

    owner_client.post("/customers/bulk/", {"ids": ids, "action": "tag", "tag": " VIP,2026 "})
    owner_client.post("/customers/bulk/", {"ids": ids, "action": "untag", "tag": "old"})
    owner_client.post(
        "/customers/bulk/", {"ids": ids, "action": "assign", "owner": owner_client.membership.pk}
    )

    with merchant_scope(merchant):
        tags = dict(Customer.objects.values_list("pk", "tags"))
        assert tags == {first.pk: ["VIP 2026"], second.pk: ["VIP 2026"], third.pk: ["old"]}
        assert set(
            Customer.objects.filter(owner=owner_client.membership).values_list("pk", flat=True)
        ) == set(ids)
        assert Event.objects.filter(name="customers.customer_changed", customer_id=first.pk).count() == 3


def test_a_member_of_another_shop_gets_no_customers(owner_client, merchant, rival, member_client):
    one = make_customer(merchant)
    stranger = member_client("owner", merchant=rival).membership

    owner_client.post("/customers/bulk/", {"ids": [one.pk], "action": "assign", "owner": stranger.pk})

    with merchant_scope(merchant):
        assert Customer.objects.get(pk=one.pk).owner is None


@pytest.mark.parametrize("data", [{}, {"ids": "1"}, {"ids": "1", "action": "tag", "tag": ", "}], ids=repr)
def test_a_bulk_change_of_nothing_is_refused(data, owner_client, merchant):
    make_customer(merchant)
    assert owner_client.post("/customers/bulk/", data).status_code == 422


# --- visibility ---------------------------------------------------------------------------------------------


def test_own_team_and_all_bound_list_search_and_page(member_client, merchant):
    team = make_team(merchant)
    own = member_client("manager", visibility=Membership.Visibility.OWN)
    teamed = member_client("manager", visibility=Membership.Visibility.TEAM, team=team)
    make_customer(merchant, "Mine", owner=own.membership)
    make_customer(merchant, "Ours", team=team)
    other = make_customer(merchant, "Theirs")
    with merchant_scope(merchant):
        search_rebuild_all()

    assert names_on(own.get("/customers/")) == ["Mine"]
    assert names_on(teamed.get("/customers/")) == ["Ours"]
    assert len(names_on(member_client("manager").get("/customers/"))) == 3
    for client in (own, teamed):
        assert client.get(f"/customers/{other.pk}/").status_code == 404
        assert client.get(f"/customers/{other.pk}/orders/").status_code == 404
        assert "Theirs" not in client.get("/search/?q=Theirs").content.decode()
    assert "Theirs" in member_client("manager").get("/search/?q=Theirs").content.decode()


# --- the page -----------------------------------------------------------------------------------------------


@pytest.fixture
def known(merchant):
    """Somebody with everything, and the search knows them."""
    one = make_customer(
        merchant,
        "李晓梅",
        email="li@example.cn",
        phone="+8613800138000",
        tags=["vip"],
        points=120,
        tier="Gold",
        orders_count=2,
        gross=500,
        net=480,
        refunded=20,
        score=82,
        last_rating=4,
        last_order_at=timezone.now(),
    )
    make_identity(one, kind=Identity.Kind.MEMBER, value="M-000777", scope="channel:1")
    make_address(one, name="李晓梅", line1="南京东路 100 号", city="上海", country="CN")
    make_note(one, "Prefers spring tea")
    make_consent(one)
    return one


def test_the_page_says_who_it_is_and_how_it_stands(owner_client, known):
    page = owner_client.get(f"/customers/{known.pk}/").content.decode()
    page += owner_client.get(f"/customers/{known.pk}/facts/").content.decode()

    for words in (
        "李晓梅",
        "li@example.cn",
        "Gold",
        "vip",
        "¥480.00",
        "82",
        "Prefers spring tea",
        "allowed",
        "上海",
    ):
        assert words in page
    assert "南京东路" not in page
    assert "M-000777" not in page


# What each query of the page is for; a new one must be worth it and be written down here.
SHOPPING_LIST = (
    "session",
    "user",
    "membership and merchant",
    "customer with metrics, owner, team, company",
    "care holds, all in one",
    "timeline events",
    "their people",
    "their notes",
    "notes",
    "shops of the switcher",
)
BADGES = 5  # tasks, inbox, late orders, reviews: one each in the sidebar; the bell


def test_the_page_costs_a_fixed_list_of_queries(owner_client, known, merchant):
    bare = make_customer(merchant)
    for _number in range(12):
        make_order(merchant, known)
        make_note(known)
        make_address(known)
    owner_client.get(f"/customers/{known.pk}/")
    counts = []
    for one in (bare, known):
        with CaptureQueriesContext(connection) as queries:
            assert owner_client.get(f"/customers/{one.pk}/").status_code == 200
        counts.append(len(queries))
        statements = "\n".join(query["sql"][:160] for query in queries)
    assert counts[0] == counts[1]
    assert counts[1] <= len(SHOPPING_LIST) + BADGES, statements


def test_care_holds_are_shown(owner_client, merchant):
    one = make_customer(merchant, "Waiting")
    order = make_order(merchant, one)
    make_return(order)

    page = owner_client.get(f"/customers/{one.pk}/").content.decode()

    assert "Promotions are held back" in page
    assert escape(str(HOLDS["open_return"].reason)) in page


@pytest.mark.parametrize("what, hidden", [("addresses", "南京东路"), ("identities", "M-000777")])
def test_hidden_values_are_shown_on_request_and_the_request_is_kept(
    what, hidden, owner_client, known, merchant
):
    response = owner_client.post(f"/customers/{known.pk}/reveal/{what}/")

    assert hidden in response.content.decode()
    with merchant_scope(merchant):
        event = Event.objects.get(name="accounts.pii_revealed")
    assert (event.customer_id, event.data, event.actor) == (
        known.pk,
        {"field": what},
        f"user:{owner_client.membership.user_id}",
    )


def test_a_viewer_can_reveal_nothing(member_client, known, merchant):
    assert member_client("viewer").post(f"/customers/{known.pk}/reveal/addresses/").status_code == 403
    with merchant_scope(merchant):
        assert not Event.objects.filter(name="accounts.pii_revealed").exists()


def test_consent_is_granted_and_withdrawn_by_a_colleague(owner_client, known, merchant):
    path = f"/customers/{known.pk}/consent/"

    said = {"channel": "sms", "purpose": "marketing", "granted": "1", "source": "phone", "wording": "now"}
    assert owner_client.post(path, said).status_code == 422, "a yes without a note is no proof"
    owner_client.post(path, said | {"note": "call 17"})
    page = owner_client.post(
        path, {"channel": "email", "purpose": "marketing", "granted": "0", "source": "counter"}
    ).content.decode()

    assert "withdrawn" in page
    with merchant_scope(merchant):
        ledger = Consent.objects.filter(customer=known).order_by("id")
        assert list(ledger.values_list("channel", "granted", "source")) == [
            ("email", True, "test"),
            ("sms", True, "phone"),
            ("email", False, "counter"),
        ]
        by_phone = ledger.get(source="phone")
        assert by_phone.proof["user"] == owner_client.membership.user_id
        assert by_phone.proof["text_sha256"] == by_phone.wording.digest
    history = owner_client.get(f"{path}history/").content.decode()
    assert "call 17" in history and "by text message" in history


def test_ips_in_the_history_are_for_who_may_see_them(member_client, known, merchant):
    with merchant_scope(merchant):
        consent_record(
            merchant=merchant,
            customer=known,
            channel="sms",
            granted=True,
            source="portal",
            proof={"ip": "203.0.113.9", "user_agent": "Browser 7"},
        )
    path = f"/customers/{known.pk}/consent/history/"
    seen, masked = (member_client(role).get(path).content.decode() for role in ("agent", "viewer"))
    assert "203.0.113.9" in seen and "Browser 7" in seen
    assert "203.0.113.9" not in masked and "Browser 7" not in masked


def test_notes_identities_addresses_come_and_go(owner_client, known, merchant):
    base = f"/customers/{known.pk}"
    assert owner_client.post(f"{base}/notes/", {"text": "  <b>call</b> later "}).status_code == 200
    assert owner_client.post(f"{base}/notes/", {"text": "   "}).status_code == 422
    assert (
        owner_client.post(f"{base}/identities/", {"kind": "email", "value": "LI2@Example.CN"}).status_code
        == 200
    )
    assert owner_client.post(f"{base}/identities/", {"kind": "email", "value": "no"}).status_code == 422
    assert owner_client.post(f"{base}/addresses/", {"kind": "billing", "city": "Hangzhou"}).status_code == 200
    assert owner_client.post(f"{base}/addresses/", {"kind": "billing"}).status_code == 422

    with merchant_scope(merchant):
        assert Note.objects.filter(
            customer=known, text="<b>call</b> later", author=owner_client.membership
        ).exists()
        added = Identity.objects.get(value="li2@example.cn")
        primary = Identity.objects.get(value="li@example.cn")
        assert (
            list(Address.objects.filter(customer=known).order_by("id").values_list("is_default", flat=True))
            == [
                False,
                True,
            ]
            or Address.objects.filter(customer=known).count() == 2
        )
    page = owner_client.get(f"{base}/").content.decode()
    assert "&lt;b&gt;call&lt;/b&gt; later" in page

    assert owner_client.post(f"{base}/identities/{added.pk}/delete/").status_code == 200
    assert owner_client.post(f"{base}/identities/{primary.pk}/delete/").status_code == 422
    with merchant_scope(merchant):
        assert set(Identity.objects.filter(customer=known, kind="email").values_list("value", flat=True)) == {
            "li@example.cn"
        }


def test_the_timeline_filters_and_goes_back(owner_client, merchant):
    one = make_customer(merchant)
    for _number in range(15):
        make_consent(one)
        make_consent(one, granted=False)
    path = f"/customers/{one.pk}/timeline/"

    first = owner_client.get(path).content.decode()
    more = re.search(r'hx-get="([^"]*after=[^"]*)"', first).group(1).replace("&amp;", "&")
    rest = owner_client.get(more).content.decode()

    assert first.count('class="gx-event"') == 10
    assert rest.count('class="gx-event"') == 20
    assert "Nothing like that" in owner_client.get(f"{path}?kind=orders").content.decode()
    assert "Nothing like that" in owner_client.get(f"{path}?text=unheard-of").content.decode()
    assert owner_client.get(f"{path}?text=test").content.decode().count('class="gx-event"') == 10
    assert owner_client.get(f"{path}?after=broken").status_code == 422


# --- the form -----------------------------------------------------------------------------------------------


def test_creating_and_changing(owner_client, merchant):
    start = {"kind": "person", "stage": "lead"}
    made = owner_client.post(
        "/customers/new/",
        start
        | {
            "name": "王芳",
            "email": "Wang@Example.CN",
            "phone": "138 0013 8000",
            "tags": "a，b, a",
            "company": "清河",
        },
    )
    with merchant_scope(merchant):
        one = Customer.objects.get()
    assert made["Location"] == f"/customers/{one.pk}/"
    assert (one.email, one.phone, one.tags, str(one.company)) == (
        "wang@example.cn",
        "+8613800138000",
        ["a", "b"],
        "清河",
    )

    owner_client.post(
        f"/customers/{one.pk}/edit/",
        start | {"name": "王芳芳", "email": "wang@example.cn", "phone": one.phone},
    )
    with merchant_scope(merchant):
        one.refresh_from_db()
        changes = Event.objects.filter(name="customers.customer_changed").latest("id").data["changes"]
    assert one.name == "王芳芳"
    assert "name" in changes
    assert "王" not in changes


@pytest.mark.parametrize(
    "case, data, field",
    [
        ("nobody", {}, "name"),
        ("no address", {"email": "wang"}, "email"),
        ("hidden letters", {"email": "w***@example.cn"}, "email"),
        ("no number", {"phone": "12"}, "phone"),
        ("somebody's", {"email": "taken@example.com"}, "email"),
        ("no country", {"name": "A", "country": "China"}, "country"),
    ],
)
def test_a_wrong_form_says_where_and_makes_nobody(case, data, field, owner_client, merchant):
    make_customer(merchant, "Taken", email="taken@example.com")

    response = owner_client.post("/customers/new/", {"kind": "person", "stage": "lead"} | data)

    assert response.status_code == 422
    assert field in response.context["form"].errors
    with merchant_scope(merchant):
        assert Customer.objects.count() == 1


def test_the_card_of_orders_shows_the_newest(owner_client, known, merchant):
    for number in range(7):
        make_order(merchant, known, number=f"T-{number}", placed_at=timezone.now() - timedelta(days=number))
    with merchant_scope(merchant):
        assert Order.objects.count() == 7

    card = owner_client.get(f"/customers/{known.pk}/orders/").content.decode()

    assert re.findall(r"T-\d", card) == ["T-0", "T-1", "T-2", "T-3", "T-4"]


@pytest.mark.parametrize("typed", ["²", "9" * 19])
def test_a_tick_that_names_no_row_is_left_out(owner_client, known, typed):
    answer = owner_client.post(
        "/customers/bulk/", {"ids": [typed, str(known.pk)], "action": "tag", "tag": "x"}
    )
    assert answer.status_code == 302
    known.refresh_from_db()
    assert "x" in known.tags
