"""Inside the shop: a member bound to a part of it walks every page as somebody else's customer lies there.

The shop has one row of everything (tests/factories/world.py). What belongs to a person carries a secret of
its own; it must not turn up in any page, search, count or file of a colleague who may do everything, but sees
only their own customers, only their team's, or only a region's.
"""

from __future__ import annotations

import re
import uuid

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models, transaction
from django.test import Client

from crm.accounts.models import ApiKey, Membership, SavedView
from crm.lib.tenancy import merchant_scope
from customers.models import Company, Customer, MergeRecord
from customers.searching import search_rebuild_all
from marketing.insight import rollups, selectors
from marketing.insight.home import home
from orders.models import OrderLine
from service.models import Ticket
from tests.factories.accounts import make_member, make_team
from tests.factories.customers import make_customer
from tests.factories.fixtures import client_of, prove
from tests.factories.orders import make_order, make_product
from tests.factories.world import World, make_world, tenant_models
from tests.routes import Route, everything_of, staff_routes

# What the shop knows apart from its customers: anybody who may open the page may read it.
OF_THE_SHOP = {
    *("accounts.Team", "accounts.ApiKey", "accounts.ExchangeRate", "accounts.Counter"),
    *("accounts.Handover", "accounts.HandoverMove", "accounts.HandoverRow", "accounts.AssignmentRule"),
    *("customers.FieldDefinition", "customers.Region", "customers.VisitSettings"),
    *("orders.Product", "orders.Variant", "orders.SalesChannel"),
    *(
        "marketing.Segment",
        "marketing.Template",
        "marketing.Campaign",
        "marketing.Journey",
        "marketing.Version",
        "marketing.Link",
    ),
    *("loyalty.Program", "loyalty.Tier", "insight.Day", "insight.Model"),
    *(
        "service.Macro",
        "service.BusinessHours",
        "service.ServiceSettings",
        "service.SlaPolicy",
        "service.Mailbox",
    ),
    "reviews.LedgerEntry",  # numbers and hashes
    *("marketing.BounceMailbox", "marketing.SenderDomain"),
    *("marketing.PaceLimit", "marketing.WarmupPlan", "marketing.WarmupDay"),
    *("integrations.Connection", "integrations.WebhookEndpoint", "customers.PortalSettings"),
}
# What a colleague must not change either.
PERSONAL = [
    *("customers_customer", "customers_identity", "customers_address", "customers_note", "customers_consent"),
    *("orders_order", "orders_shipment", "orders_refund", "orders_return", "service_ticket", "service_entry"),
    *("reviews_review", "reviews_reply", "marketing_enrolment", "exports_export"),
]
SEARCHING = re.compile("list|people|search|inbox|segment_why")
BOUNDS = {
    "own": {"visibility": Membership.Visibility.OWN},
    "team": {"visibility": Membership.Visibility.TEAM},
    "region": {"visibility": Membership.Visibility.ALL, "region": "Elsewhere"},
}


@pytest.fixture
def world(db: None) -> World:
    world = make_world("whole")
    world.secret = f"q{uuid.uuid4().hex[:9]}"  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        for model in tenant_models():
            if model._meta.label not in OF_THE_SHOP:
                _mark(cursor, model, world)
    with merchant_scope(world.merchant):
        _fill(world)
        Customer.objects.update(phone="+8613912345678", region="Here")
        Ticket.objects.update(assignee=world.member)
    for row in world.rows.values():
        row.refresh_from_db()
    with merchant_scope(world.merchant):
        search_rebuild_all()
    return world


def _fill(world: World) -> None:
    """What looking at columns doesn't fill: a colleague's own view with a name in its search, somebody whom
    the customer absorbed, values of custom fields."""
    secret: str = world.secret  # type: ignore[attr-defined]
    SavedView.objects.update(audience="own", query=f"q={secret}")
    customer = world.row("customers.Customer")
    absorbed = make_customer(
        world.merchant, f"{secret} too", email=f"{secret}@too.cn", merged_into=customer, owner=world.member
    )
    MergeRecord.objects.update(
        state="active", absorbed=absorbed, absorbed_row={"name": secret}, before={"name": secret}
    )
    values = {world.row("customers.FieldDefinition").key: secret}
    Customer.objects.filter(pk=customer.pk).update(attributes=values)
    Company.objects.update(attributes=values)


# Codes that pages read; a secret in them would be an error, no leak.
CODES = ("currency", "kind", "time_zone", "language", "merchant_id")
# Words of the shop, which the segment builder offers; no person stands beside them.
WORDS = ("source", "tier", "grade", "country", "region", "city", "price_group", "tags", "carrier")


def _mark(cursor: object, model: type[models.Model], world: World) -> None:
    """Puts the secret into every text of the model's rows where the canary stood, whole or cut short."""
    for one in model._meta.local_fields:
        if isinstance(one, ArrayField) and one.name not in WORDS:
            if (getattr(one.base_field, "max_length", 0) or 0) >= len(world.secret):
                _mark_array(cursor, model, one, world)
            continue
        is_text = isinstance(one, models.CharField | models.TextField) and not one.choices
        room = min(one.max_length or 500, 500)
        if not is_text or one.name in CODES + WORDS or room < len(world.secret):
            continue
        sql = (
            f'UPDATE {model._meta.db_table} SET "{one.column}" ='
            f" CASE WHEN \"{one.column}\" LIKE '%%@%%' THEN %s ELSE %s END"
            f' WHERE merchant_id = %s AND "{one.column}" LIKE %s'
        )
        values = [f"{world.secret}@x.cn"[:room], world.secret, world.merchant.pk, f"{world.canary[:10]}%"]
        cursor.execute(sql, values)  # type: ignore[attr-defined]


def _mark_array(cursor: object, model: type[models.Model], one: ArrayField, world: World) -> None:
    sql = (
        f'UPDATE {model._meta.db_table} SET "{one.column}" = ARRAY[%s]'
        f' WHERE merchant_id = %s AND "{one.column}"[1] LIKE %s'
    )
    cursor.execute(sql, [world.secret, world.merchant.pk, f"{world.canary[:10]}%"])  # type: ignore[attr-defined]


def colleague_of(world: World, bound: str) -> Membership:
    return make_member(world.merchant, "manager", team=make_team(world.merchant, "Others"), **BOUNDS[bound])


def walked(client: Client, world: World, route: Route) -> list[str]:
    faults = []
    before = personal(world)
    asked = [("get", {"q": world.secret}), ("get", {}), ("post", everything_of(world))]
    for method, data in asked if SEARCHING.search(route.name) else asked[1:]:
        with transaction.atomic():
            response = getattr(client, method)(route.path(world), data)
            body = response.getvalue() if response.streaming else response.content
            broken = connection.needs_rollback
            after = before if broken or method == "get" else personal(world)
            transaction.set_rollback(True)
        # The words that were searched for come back in the field that they were typed into.
        text = body.decode("utf-8", "replace")
        if method == "get" and data:
            for echo in ('value="%s"', "q=%s", "q: %s", "q%%3D%s", "“%s”"):
                text = text.replace(echo % world.secret, "")
        for word in (world.secret, "13912345678"):
            at = text.find(word)
            if at >= 0:
                faults.append(f"{method} {route.name}: shows somebody else's: {text[max(at - 90, 0) : at]}…")
        if response.status_code >= 500 and response.status_code != 502:
            faults.append(f"{method} {route.name}: {response.status_code}")
        if after != before:
            changed = [table for table, rows in after.items() if rows != before[table]]
            faults.append(f"{method} {route.name}: changes {changed}")
    return faults


def personal(world: World) -> dict[str, str]:
    """A digest of each table that a colleague must not change; one query."""
    sql = " UNION ALL ".join(
        f"SELECT '{table}', md5(coalesce(string_agg(to_jsonb(t)::text, '|' ORDER BY t), ''))"
        f" FROM {table} t WHERE merchant_id = %(merchant)s"
        for table in PERSONAL
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, {"merchant": world.merchant.pk})
        return dict(cursor.fetchall())


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_bound_member_meets_nobody_elses_customers_on_any_page(bound, world):
    client = prove(client_of(colleague_of(world, bound)))
    client.raise_request_exception = False
    faults = [fault for route in staff_routes() for fault in walked(client, world, route)]
    assert not faults, "\n".join(faults)


def test_the_walk_itself_finds_a_hole(world):
    client = prove(client_of(world.member))
    routes = {route.name: route for route in staff_routes()}
    for name in ("customer_list", "order_record", "ticket", "review_detail", "audit_log"):
        assert walked(client, world, routes[name]), f"{name} shows nothing: the walk is blind"


def test_a_bound_member_does_not_loosen_their_own_bounds(world):
    member = colleague_of(world, "own")
    path = f"/settings/team/{member.pk}/"
    answer = client_of(member).post(path, {"role": "manager", "visibility": "all"})
    member.refresh_from_db()
    assert (answer.status_code, member.visibility) == (403, "own")


def test_a_bound_member_makes_no_key_that_sees_everything(world):
    answer = client_of(colleague_of(world, "region")).post(
        "/settings/keys/new/", {"name": "mine", "scopes": ["customers.read"]}
    )
    with merchant_scope(world.merchant):
        assert (answer.status_code, ApiKey.objects.count()) == (403, 1)


def test_whose_an_address_is_stays_unsaid(world):
    person = make_customer(world.merchant, "Theirs", owner=world.member)
    client = client_of(colleague_of(world, "own"))
    answer = client.post(
        "/customers/new/", {"name": "Again", "email": person.email, "kind": "person", "stage": "lead"}
    )
    assert answer.status_code == 422
    assert "belongs to a customer already" in answer.content.decode()
    assert f"(customer {person.pk})" not in answer.content.decode()


# --- figures ------------------------------------------------------------------------------------------------


@pytest.fixture
def two_people(merchant) -> tuple[Membership, Membership]:
    """Each of the two has a customer with one order today: 100 and 70 yuan."""
    both = []
    for name, amount in (("Ann", "100"), ("Ben", "70")):
        member = make_member(merchant, "manager", name=name, visibility="own", region="")
        person = make_customer(merchant, name, owner=member, recency_bin=5, frequency_bin=1)
        make_order(merchant, customer=person, lines=[("Tea", 1, amount)])
        both.append(member)
    with merchant_scope(merchant):
        OrderLine.objects.update(product=make_product(merchant))
        rollups.recount_all(merchant=merchant)
    return both[0], both[1]


def test_home_and_insight_count_what_the_member_sees(two_people, merchant):
    everybody = make_member(merchant, "manager")
    with merchant_scope(merchant):
        boards = [home(merchant=merchant, membership=one) for one in (*two_people, everybody)]
        months = [selectors.months(merchant, one).series[0].values[-1] for one in (*two_people, everybody)]
        grids = [selectors.rfm_grid(one) for one in (*two_people, everybody)]
        products = [selectors.top_products(merchant, one) for one in (*two_people, everybody)]
        cohorts = [selectors.cohorts(merchant, one) for one in (*two_people, everybody)]
    assert [board.figures[1].value for board in boards] == ["1", "1", "2"]
    assert [board.revenue.series[0].values[-1] for board in boards] == [100.0, 70.0, 170.0]
    assert months == [100.0, 70.0, 170.0]
    assert [grid.rows[0].cells[0].text for grid in grids] == ["1", "1", "2"]
    assert [sum(one.revenue for one in rows) for rows in products] == [100, 70, 170]
    assert [int(grid.rows[-1].size) if grid.rows else 0 for grid in cohorts] == [0, 0, 0]


def test_a_team_sees_what_its_members_own_and_a_region_what_lies_in_it(merchant):
    team = make_team(merchant)
    ann = make_member(merchant, "agent", team=team, visibility="team")
    mate = make_member(merchant, "agent", team=team)
    west = make_member(merchant, "agent", region="West")
    west_team = make_member(merchant, "agent", team=team, visibility="team", region="west")
    people = {
        "mine": make_customer(merchant, "mine", owner=ann),
        "mates": make_customer(merchant, "mates", owner=mate, region="West"),
        "teams": make_customer(merchant, "teams", team=team, region="East"),
        "free": make_customer(merchant, "free", region="West"),
        "wests": make_customer(merchant, "wests", owner=west, region="East"),
    }
    with merchant_scope(merchant):
        seen = {
            name: set(Customer.objects.visible_to(member).values_list("name", flat=True))
            for name, member in (("ann", ann), ("mate", mate), ("west", west), ("both", west_team))
        }
    assert seen == {
        "ann": {"mine", "mates", "teams"},
        "mate": set(people),
        "west": {"mates", "free", "wests"},
        "both": {"mates"},
    }
