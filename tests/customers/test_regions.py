"""The tree of regions: who stands where, however they spell it, and who sees whom by it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.http import QueryDict
from django.urls import reverse

from crm.lib.errors import Conflict, Rejected
from customers.filters import listing_of
from customers.models import Company, Customer, Region
from customers.regions import china as china_module
from customers.regions import loading, selectors, services
from customers.regions.naming import place_key
from customers.regions.placing import place_all
from customers.segmenting import CONDITIONS, Scope
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key, make_member
from tests.factories.customers import make_company, make_customer

# Beijing, Shanxi, Liaoning, Zhejiang, Hunan, Guangdong, Sichuan, Shaanxi
SOME = {"11", "14", "21", "33", "43", "44", "51", "61"}


@pytest.fixture
def china(scoped, monkeypatch):
    """A merchant with some of China's provinces on the map."""
    some = [row for row in china_module.rows() if row[0][:2] in SOME]
    with monkeypatch.context() as patch:
        patch.setattr(china_module, "rows", lambda: some)
        china_module.china_load(merchant=scoped)
    return scoped


def stands_in(row) -> str:
    row.refresh_from_db()
    return row.located_in.name if row.located_in else ""


@pytest.mark.parametrize(
    "text",
    ["广东省", " Guang-dong ", "Québec", "ＧＤ", "St. John's", "ÎLE-DE-FRANCE", "a’b`c·d(e)", "", "北京 市"],
)
def test_the_database_spells_places_as_python_does(db, text):
    with connection.cursor() as cursor:
        cursor.execute("SELECT customers_place_key(%s)", [text])
        assert cursor.fetchone()[0] == place_key(text)


PLACES = [
    ("CN", "广东省", "深圳市", "深圳市"),
    ("CN", "广东", "深圳", "深圳市"),
    ("CN", "Guangdong", "Shenzhen", "深圳市"),
    ("CN", "guangdong province", "SHENZHEN CITY", "深圳市"),
    ("CN", "CN-GD", "", "广东省"),
    ("CN", "CN20", "4403", "深圳市"),
    ("CN", "北京市", "北京市", "北京市"),
    ("CN", "北京", "朝阳区", "朝阳区"),
    ("CN", "", "长沙", "长沙市"),  # the city, not its county
    ("CN", "", "朝阳", "China"),  # a city of Liaoning, and as high a district of Beijing
    ("CN", "Shaanxi", "Xi'an", "西安市"),
    ("CN", "Shanxi", "", "山西省"),
    ("CN", "浙江", "Nowhere", "浙江省"),
    ("CN", "", "", "China"),
    ("CN", "Atlantis", "", "China"),
    ("", "Zhejiang", "Hangzhou", "杭州市"),
    ("", "SC", "", ""),  # South Carolina as much as Sichuan
    ("US", "Guangdong", "", ""),
    ("US", "", "", ""),
    ("", "", "", ""),
]


def test_people_stand_in_the_deepest_region_that_they_name(china):
    found = []
    for country, region, city, _place in PLACES:
        words = {"country": country, "region": region, "city": city}
        both = {stands_in(make_customer(china, **words)), stands_in(make_company(china, **words))}
        found.append((country, region, city, both.pop()))
        assert not both
    assert found == PLACES


def test_a_word_of_two_regions_as_high_says_nothing(scoped):
    for name in ("North", "South"):
        area = services.region_add(merchant=scoped, name=name)
        services.region_add(merchant=scoped, name="Springfield", parent=area)
    assert stands_in(make_customer(scoped, city="Springfield")) == ""
    assert stands_in(make_customer(scoped, region="south", city="Springfield")) == "Springfield"


def test_every_way_of_writing_moves_them(china):
    ada = make_customer(china, country="CN", region="广东", city="深圳")
    ada.city = "广州"
    ada.save()
    assert stands_in(ada) == "广州市"
    Customer.objects.filter(pk=ada.pk).update(region="", city="", country="")
    assert stands_in(ada) == ""
    Customer.objects.filter(pk=ada.pk).update(located_in=Region.objects.first())
    assert stands_in(ada) == "", "what anybody writes there by hand is overruled"


def test_a_changed_tree_is_followed(china):
    li = make_customer(china, country="CN", region="Canton Province")
    firm = make_company(china, country="CN", region="浙江", city="杭州")
    east = services.region_add(merchant=china, name="华东", parent=Region.objects.get(country="CN", level=0))
    services.alias_add(region=Region.objects.get(name="广东省"), spelling="canton province")
    services.region_change(region=Region.objects.get(name="浙江省"), parent=east)
    assert stands_in(li) == "China"
    assert place_all() == 1, "the firm stands in the city that moved along"
    assert (stands_in(li), stands_in(firm)) == ("广东省", "杭州市")
    assert [one.name for one in selectors.line_of(firm.located_in)] == ["China", "华东", "浙江省", "杭州市"]
    assert place_all() == 0

    services.region_delete(region=Region.objects.get(name="浙江省"))
    assert stands_in(firm) == "China", "what is left above it"


def test_loading_china_again_leaves_what_the_shop_made_of_it(china):
    guangdong = Region.objects.get(name="广东省")
    services.region_change(region=guangdong, name="South")
    few = Region.objects.count()
    made = china_module.china_load(merchant=china)
    assert few + made == Region.objects.count() > 3_200
    assert china_module.china_load(merchant=china) == 0
    assert Region.objects.get(code="44").name == "South"
    person = make_customer(china, country="CN", region="广东省")
    assert stands_in(person) == "China", "renamed, it is found by the new name only"


@pytest.mark.parametrize(
    "lines, made, names",
    [
        ("France > Paris | Lutetia\nFrance > Lyon\n\nFrance > paris", 3, {"France", "Paris", "Lyon"}),
        ("North\nNorth > Oslo > Grünerløkka", 3, {"North", "Oslo", "Grünerløkka"}),
    ],
)
def test_a_list_is_read_once(scoped, lines, made, names):
    assert loading.regions_add_lines(merchant=scoped, text=lines) == made
    assert loading.regions_add_lines(merchant=scoped, text=lines) == 0
    assert {one.name for one in Region.objects.all()} == names


def test_what_makes_no_tree_is_refused(scoped):
    north = services.region_add(merchant=scoped, name="North")
    oslo = services.region_add(merchant=scoped, name="Oslo", parent=north)
    with pytest.raises(Conflict):
        services.region_add(merchant=scoped, name="North")
    for parent in (north, oslo):
        with pytest.raises(Rejected):
            services.region_change(region=north, parent=parent)
    with pytest.raises(Rejected, match="Line 2"):
        loading.regions_add_lines(merchant=scoped, text="A\n" + " > ".join("abcdefg"))
    assert Region.objects.count() == 2
    services.region_add(merchant=scoped, name="Norway", country="NO")
    with pytest.raises(Rejected):
        services.region_add(merchant=scoped, name="Norge", country="no")


def test_a_member_of_a_region_sees_all_that_lies_in_it(china):
    near = make_customer(china, "Near", country="CN", region="Guangdong", city="深圳")
    word = make_customer(china, "Word", region="guangdong")
    make_customer(china, "Far", country="CN", region="浙江", city="杭州")
    make_customer(china, "Nobody knows")
    member = make_member(china, "agent", region="Guangdong")
    assert set(Customer.objects.visible_to(member)) == {near, word}
    firm = make_company(china, country="CN", city="广州")
    assert list(Company.objects.visible_to(member)) == [firm]


def test_lists_and_segments_ask_for_a_region_with_all_in_it(china, owner):
    near = make_customer(china, "Near", country="CN", region="Guangdong", city="深圳")
    make_customer(china, "Far", country="CN", region="浙江")
    lost = make_customer(china, "Lost")
    guangdong = Region.objects.get(name="广东省")
    for asked, found in ((str(guangdong.pk), [near]), (str(near_place(near)), [near]), ("none", [lost])):
        listing = listing_of(QueryDict(f"place={asked}"), "/customers/", owner)
        assert list(listing.narrow(Customer.objects.order_by("pk"))) == found
        assert listing.chips
    assert not listing_of(QueryDict("place=999999"), "/customers/", owner).chips
    scope = Scope(merchant=china)
    row = CONDITIONS["customers.place"].build({"is": "is", "values": [str(guangdong.pk)]}, scope)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT c.id FROM customers_customer c WHERE {row.text}", row.params)
        assert cursor.fetchall() == [(near.pk,)]


def near_place(customer: Customer) -> int:
    customer.refresh_from_db()
    assert customer.located_in_id is not None
    return customer.located_in_id


def test_the_pages_show_add_and_mend_the_map(member_client, scoped):
    client = member_client("owner")
    make_customer(scoped, country="CN", region="Canton", city="")
    assert "No map yet" in client.get(reverse("region_list")).content.decode()
    assert client.post(reverse("region_china")).status_code == 302
    place_all()
    page = client.get(reverse("region_list")).content.decode()
    assert "Canton" in page and "Add China" not in page
    said = {"spelling": "Canton", "region": "Atlantis"}
    refused = client.post(reverse("region_spelling"), said)
    assert refused.status_code == 422 and "No region goes by “Atlantis”" in refused.content.decode()
    assert client.post(reverse("region_spelling"), said | {"region": "44"}).status_code == 302
    place_all()
    root = Region.objects.get(level=0)
    inside = client.get(reverse("region_list") + f"?in={root.pk}").content.decode()
    guangdong = Region.objects.get(code="44")
    assert [one.located_in.name for one in Customer.objects.all()] == ["广东省"]
    assert f"?place={guangdong.pk}" in inside
    edited = client.post(
        reverse("region_edit", args=[guangdong.pk]),
        {"name": "广东", "parent": str(root.pk), "aliases": "Canton，粤", "code": "44"},
    )
    assert edited.status_code == 302
    guangdong.refresh_from_db()
    assert (guangdong.name, guangdong.aliases) == ("广东", ["Canton", "粤"])
    assert client.post(reverse("region_delete", args=[root.pk])).status_code == 302
    assert not Region.objects.exists()


def test_programs_keep_the_map_and_learn_where_people_stand(china):
    client, json = ApiClient(make_key(china)[1]), {"content_type": "application/json"}
    root = Region.objects.get(level=0)
    asked = {"name": "华东", "aliases": ["East"], "parent": root.pk}
    east = client.post("/api/v1/regions/", asked, **json).json()
    assert client.post("/api/v1/regions/", asked, **json).status_code == 409
    zhejiang = client.get("/api/v1/regions/?spelling=Zhejiang").json()["results"][0]
    moved = client.patch(f"/api/v1/regions/{zhejiang['id']}/", {"parent": east["id"]}, **json).json()
    assert (moved["path"], moved["country"]) == (f"{east['path']}{zhejiang['id']}/", "CN")
    for path in ("customers", "companies"):
        said = {"name": "Li", "email": "li@example.com", "country": "CN", "region": "浙江省"}
        answer = client.post(f"/api/v1/{path}/", said, **json).json()
        assert answer["located_in"] == zhejiang["id"], path
    ring = client.patch(f"/api/v1/regions/{east['id']}/", {"parent": zhejiang["id"]}, **json)
    assert ring.status_code == 422
    assert client.delete(f"/api/v1/regions/{east['id']}/").status_code == 204
    assert client.get(f"/api/v1/regions/{zhejiang['id']}/").status_code == 404
