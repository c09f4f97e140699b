"""Tasks by API: made, changed, done, repeated; and nothing for a rival."""

from __future__ import annotations

from tests.factories.accounts import make_member
from tests.factories.customers import make_customer


def test_a_task_goes_its_way(insider, outsider, merchant):
    make_member(merchant, "agent", email="anna@example.com")
    person = make_customer(merchant)
    body = {"title": "Call", "customer": person.pk, "assignee": "anna@example.com", "due_on": "2099-01-02"}
    made = insider.post_json("tasks/", body | {"rule": "FREQ=MONTHLY"})
    assert made.status_code == 201
    pk = made.json()["id"]
    assert made.json()["rule"] == "FREQ=MONTHLY;BYMONTHDAY=2"
    assert insider.post_json(f"tasks/{pk}/done/", {}).json()["done_at"] is not None
    following = insider.get("tasks/", {"done": "false"}).json()["results"]
    assert [one["due_on"] for one in following] == ["2099-02-02"]
    assert outsider.get(f"tasks/{pk}/").status_code == 404
    assert outsider.post_json("tasks/", body).status_code == 422


def test_refusals_name_the_field(insider, merchant):
    both = {"title": "x", "due_on": "2099-01-02", "due_at": "2099-01-02T08:00:00Z"}
    assert "due_at" in insider.post_json("tasks/", both).json()["fields"]
    stranger = insider.post_json("tasks/", {"title": "x", "assignee": "nobody@example.com"})
    assert (stranger.status_code, list(stranger.json()["fields"])) == (422, ["assignee"])


def test_a_key_that_reads_does_not_write(key_with, merchant):
    reader = key_with("tasks.read")
    assert reader.get("tasks/").status_code == 200
    assert reader.post_json("tasks/", {"title": "x"}).status_code == 403
