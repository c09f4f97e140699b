"""Saved views of lists: kept, shared, opened by default; never a way to see more."""

import re

import pytest

from crm.accounts.models import DefaultView, SavedView
from crm.accounts.saved_views.services import MOST_VIEWS, clean_query, view_create
from crm.events.models import Event
from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key, make_member, make_team
from tests.factories.customers import make_customer
from tests.factories.fixtures import client_of


@pytest.fixture
def owner_client(member_client):
    return member_client("owner")


def tabs_on(client, path="/customers/?view=none"):
    page = client.get(path).content.decode()
    tabs = re.search(r'<nav class="gx-tabs.*?</nav>', page, re.DOTALL)
    return re.sub(r"<[^>]+>", "|", tabs.group(0)) if tabs else page


def names_on(response):
    return re.findall(r'gx-person__name" title="([^"]*)"', response.content.decode())


def make_view(merchant, member, name="VIPs", query="stage=repeat", **values):
    with merchant_scope(merchant):
        return view_create(
            merchant=merchant, member=member, list_key="customers", name=name, query=query, **values
        )


def test_a_list_is_saved_as_it_stands_and_opens_again(owner_client, merchant):
    make_customer(merchant, "Al", stage="repeat")
    make_customer(merchant, "Bo")

    answer = owner_client.post(
        "/views/customers/save/",
        {
            "name": "Loyal",
            "query": "stage=repeat&sort=net&columns=city%2Cpoints&after=xyz",
            "audience": "own",
        },
    )

    with merchant_scope(merchant):
        view = SavedView.objects.get()
        assert not Event.objects.filter(name="accounts.view_shared").exists(), (
            "a private view is nobody's news"
        )
    assert view.query == "stage=repeat&sort=net&columns=city%2Cpoints"
    assert answer["Location"] == f"/customers/?{view.query}&view={view.pk}"
    page = owner_client.get(answer["Location"])
    assert names_on(page) == ["Al"]
    assert re.findall(r"<th[^>]*>([^<]+)</th>", page.content.decode()) == ["Customer", "City", "Points"]
    assert "Loyal" in tabs_on(owner_client)


def test_views_are_seen_by_whom_they_are_shared_with(merchant):
    team, other = make_team(merchant, "East"), make_team(merchant, "West")
    author = make_member(merchant, "manager", team=team)
    mate, stranger = make_member(merchant, "agent", team=team), make_member(merchant, "agent", team=other)
    make_view(merchant, author, "Mine alone")
    make_view(merchant, author, "For the East", audience="team", team=team)
    make_view(merchant, author, "For all", audience="all")

    seen = {
        name: tabs_on(client_of(member))
        for name, member in [("author", author), ("mate", mate), ("stranger", stranger)]
    }

    assert [("Mine alone" in tabs, "For the East" in tabs, "For all" in tabs) for tabs in seen.values()] == [
        (True, True, True),
        (False, True, True),
        (False, False, True),
    ]


def test_a_shared_view_shows_no_more_than_the_reader_may_see(merchant):
    author = make_member(merchant, "owner")
    reader = make_member(merchant, "agent", visibility="own")
    make_customer(merchant, "Theirs", stage="repeat", owner=reader)
    make_customer(merchant, "Hidden", stage="repeat")
    view = make_view(merchant, author, audience="all")

    assert names_on(client_of(reader).get(f"/customers/?stage=repeat&view={view.pk}")) == ["Theirs"]


def test_the_default_opens_the_bare_list_and_everything_stays_reachable(owner_client, merchant):
    view = make_view(merchant, owner_client.membership)
    owner_client.post(f"/views/{view.pk}/act/", {"action": "default"})

    assert owner_client.get("/customers/")["Location"] == f"/customers/?stage=repeat&view={view.pk}"
    assert owner_client.get("/customers/?view=none").status_code == 200
    assert 'href="/customers/?view=none"' in owner_client.get("/customers/?view=none").content.decode()

    owner_client.post(f"/views/{view.pk}/act/", {"action": "undefault"})
    assert owner_client.get("/customers/").status_code == 200
    with merchant_scope(merchant):
        assert not DefaultView.objects.exists()


def test_a_changed_list_may_be_kept_in_its_view(owner_client, merchant):
    view = make_view(merchant, owner_client.membership)
    make_customer(merchant, "Al", stage="repeat", country="DE")
    changed = owner_client.get(f"/customers/?stage=repeat&country=DE&view={view.pk}").content.decode()
    same = owner_client.get(f"/customers/?stage=repeat&view={view.pk}").content.decode()

    owner_client.post(f"/views/{view.pk}/act/", {"action": "update", "query": f"country=DE&view={view.pk}"})

    assert ("Update view" in changed, "Update view" in same) == (True, False)
    with merchant_scope(merchant):
        assert SavedView.objects.get().query == "country=DE"


def test_views_are_ordered_and_deleted(owner_client, merchant):
    first, second = (make_view(merchant, owner_client.membership, name) for name in ("First", "Second"))

    owner_client.post(f"/views/{second.pk}/act/", {"action": "back"})
    tabs = tabs_on(owner_client)
    owner_client.post(f"/views/{first.pk}/act/", {"action": "delete"})

    assert tabs.index("Second") < tabs.index("First")
    with merchant_scope(merchant):
        assert list(SavedView.objects.values_list("name", flat=True)) == ["Second"]


@pytest.mark.parametrize("action", ["update", "delete", "back"])
@pytest.mark.parametrize(
    "case, role, audience, status",
    [
        ("a colleague's own is not there", "owner", "own", 404),
        ("a shared one takes the permission", "viewer", "all", 403),
    ],
)
def test_what_is_not_mine_stays(case, role, audience, status, action, member_client, merchant):
    view = make_view(merchant, make_member(merchant, "manager"), audience=audience)

    answer = member_client(role).post(f"/views/{view.pk}/act/", {"action": action, "query": ""})

    assert answer.status_code == status
    with merchant_scope(merchant):
        assert SavedView.objects.get().query == "stage=repeat"


def test_sharing_takes_the_permission(member_client, merchant):
    client = member_client("viewer")
    client.post("/views/customers/save/", {"name": "Mine", "query": "", "audience": "all"})

    with merchant_scope(merchant):
        assert SavedView.objects.get().audience == "own", "the form doesn't offer it, so it isn't taken"


def test_a_list_that_the_member_may_not_open_has_no_views_for_them(member_client, merchant, rival):
    view = make_view(merchant, make_member(merchant, "owner"), audience="all")
    outsider = client_of(make_member(rival, "owner"))

    assert outsider.post(f"/views/{view.pk}/act/", {"action": "default"}).status_code == 404
    assert outsider.get(f"/views/{view.pk}/edit/").status_code == 404
    assert member_client("owner").get("/views/nonsense/save/").status_code == 404


@pytest.mark.parametrize("query", ["x=" + "y" * 3_000, "&".join(f"f{n}=1" for n in range(300)), "q=%00"])
def test_addresses_that_no_list_makes_are_refused(query):
    with pytest.raises(Rejected):
        clean_query(query)


def test_there_is_an_end_to_views(scoped):
    SavedView.objects.bulk_create(
        SavedView(merchant=scoped, list_key="customers", name=str(n), audience="all")
        for n in range(MOST_VIEWS)
    )

    with pytest.raises(Rejected):
        view_create(merchant=scoped, member=None, list_key="customers", name="More", query="", audience="all")


def test_orders_have_views_too(owner_client, merchant):
    owner_client.post("/views/orders/save/", {"name": "Paid", "query": "payment=paid", "audience": "own"})

    assert "Paid" in tabs_on(owner_client, "/orders/")
    assert "Paid" not in tabs_on(owner_client)


def test_programs_make_and_change_shared_views(merchant, rival):
    api, outsider = ApiClient(make_key(merchant)[1]), ApiClient(make_key(rival)[1])
    private = make_view(merchant, make_member(merchant, "owner"))

    made = api.post_json("views/", {"list": "customers", "name": "VIPs", "query": "stage=repeat"})
    assert (made.status_code, made.json()["audience"]) == (201, "all"), made.content
    path = f"/api/v1/views/{made.json()['id']}/"
    changed = api.patch(path, {"name": "Best"}, content_type="application/json")

    assert changed.json()["name"] == "Best"
    assert [one["name"] for one in api.get("views/").json()["results"]] == ["Best"]
    assert api.get(f"views/{private.pk}/").status_code == 404
    assert outsider.get(path).status_code == 404
    assert api.post_json("views/", {"list": "nothing", "name": "x", "query": ""}).status_code == 422
    assert api.delete(path).status_code == 204
