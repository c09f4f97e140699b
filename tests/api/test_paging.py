"""Keyset pages: nothing skipped or doubled, cursors that can't be bent."""

from __future__ import annotations

import pytest

from crm.lib.tenancy import merchant_scope
from tests.factories.accounts import make_key


@pytest.fixture
def thirty(merchant):
    for number in range(29):  # the insider's own key makes one more event
        make_key(merchant, name=f"key {number}")


def walk(client, start: str, link: str = "next") -> list[list[int]]:
    pages, url = [], start
    while url:
        body = client.get(url).json()
        pages.append([row["id"] for row in body["results"]])
        url = body[link]
    return pages


@pytest.mark.parametrize("sort", ["id", "-id"])
def test_forward_and_back_give_the_same_rows(insider, thirty, sort):
    pages = walk(insider, f"/api/v1/events/?limit=7&sort={sort}")
    ids = [pk for page in pages for pk in page]
    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
    assert ids == sorted(ids, reverse=sort == "-id")
    url = f"/api/v1/events/?limit=7&sort={sort}"
    while (body := insider.get(url).json())["next"]:
        url = body["next"]
    back = walk(insider, url, "previous")
    assert back == pages[::-1]


def test_rows_that_come_in_meanwhile_move_nothing(insider, merchant, thirty):
    first = insider.get("/api/v1/events/?limit=10").json()
    make_key(merchant)
    second = insider.get(first["next"]).json()
    assert not {row["id"] for row in first["results"]} & {row["id"] for row in second["results"]}
    assert first["results"][-1]["id"] - second["results"][0]["id"] == 1


def test_links_keep_filters_and_the_last_page_has_no_next(insider, thirty):
    body = insider.get("/api/v1/events/?name=accounts.apikey_created&limit=29").json()
    assert body["previous"] is None
    assert "name=accounts.apikey_created" in body["next"]
    last = insider.get(body["next"]).json()
    assert last["next"] is None
    assert len(last["results"]) == 1


def test_past_the_end_the_way_back_is_the_first_page(insider, merchant, thirty):
    from crm.events.models import Event

    body = insider.get("/api/v1/events/?limit=29&sort=id").json()
    with merchant_scope(merchant):
        Event.objects.order_by("-id").first().delete()
    empty = insider.get(body["next"]).json()
    assert (empty["results"], empty["next"]) == ([], None)
    assert len(insider.get(empty["previous"]).json()["results"]) == 29


@pytest.mark.parametrize("change", ["bent", "other order", "other list"])
def test_a_cursor_of_something_else_is_422(insider, thirty, change):
    url = insider.get("/api/v1/events/?limit=5").json()["next"]
    if change == "bent":
        url = url.replace("cursor=", "cursor=x")
    elif change == "other order":
        url += "&sort=id"
    else:
        from crm.api.paging import write_cursor

        class Row:
            id = 5

        url = f"/api/v1/events/?cursor={write_cursor(Row(), ('-id',), '/api/v1/orders/', back=False)}"
    response = insider.get(url)
    assert response.status_code == 422
    assert "cursor" in response.json()["fields"]
