"""One change to many: for the ticked or for everyone a list finds, counted first, in chunks, with an undo."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.events.models import Event
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from customers.bulk_changes import services
from customers.bulk_changes.services import bulk_preview, bulk_start, bulk_undo, bulk_work, sweep
from customers.models import BulkChange, BulkChangeRow, Customer
from customers.services import customer_change
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key, make_member, make_team
from tests.factories.customers import make_customer
from tests.factories.fields import make_field
from tests.factories.fixtures import client_of


@pytest.fixture
def small_chunks(monkeypatch):
    """Two customers a chunk, so that a handful is many."""
    monkeypatch.setattr(services, "CHUNK", 2)
    rung = []
    monkeypatch.setattr(services, "_ring", lambda change: rung.append(change.pk))
    return rung


def test_every_field_changes_and_comes_back(scoped):
    make_field(scoped, "Tea", "choice", choices=["green", "black"])
    team, owner = make_team(scoped, "East"), make_member(scoped, "agent")
    had = {"stage": "lead", "tags": ["old", "gone"], "attributes": {"tea": "green", "x": 1}, "grade": "C"}
    one = make_customer(scoped, "Li", **had)
    changes = {
        "stage": "repeat",
        "kind": "distributor",
        "owner": owner.pk,
        "team": team.pk,
        "grade": "A",
        "region": "上海",
        "language": "zh-hans",
        "add_tags": ["vip"],
        "remove_tags": ["gone"],
        "attributes": {"tea": "Black"},
    }

    change = bulk_start(merchant=scoped, member=None, changes=changes, ids=[one.pk])

    now = Customer.objects.get()
    assert (now.stage, now.kind, now.owner_id, now.team_id, now.grade) == (
        "repeat",
        "distributor",
        owner.pk,
        team.pk,
        "A",
    )
    assert (now.region, now.language, now.tags) == ("上海", "zh-hans", ["old", "vip"])
    assert now.attributes == {"tea": "black", "x": 1}
    assert (
        change.__class__.objects.get().state,
        Event.objects.filter(name="customers.customer_changed").count(),
    ) == ("done", 1)

    bulk_undo(change=BulkChange.objects.get())

    back = Customer.objects.get()
    assert {name: getattr(back, name) for name in had} | {"tags": sorted(back.tags)} == had | {
        "tags": ["gone", "old"]
    }
    assert (back.kind, back.owner_id, back.team_id, back.region) == ("person", None, None, "")
    assert not BulkChangeRow.objects.exists()


def test_what_somebody_changed_since_stays(scoped):
    first, second = make_customer(scoped, "A", stage="lead"), make_customer(scoped, "B", stage="lead")
    bulk_start(
        merchant=scoped,
        member=None,
        changes={"stage": "repeat", "add_tags": ["vip"]},
        ids=[first.pk, second.pk],
    )
    customer_change(customer=second, source="staff", stage="lapsed", tags=["vip", "fresh"])

    bulk_undo(change=BulkChange.objects.get())

    assert list(Customer.objects.order_by("pk").values_list("stage", "tags")) == [
        ("lead", []),
        ("lapsed", ["fresh"]),
    ]


def test_the_dry_run_counts_and_writes_nothing(scoped):
    ids = [make_customer(scoped, stage=stage).pk for stage in ("lead", "lead", "repeat")]

    preview = bulk_preview(merchant=scoped, member=None, changes={"stage": "repeat"}, ids=ids)

    assert (preview.found, preview.changing) == (3, 2)
    assert not BulkChange.objects.exists()
    assert Customer.objects.filter(stage="lead").count() == 2


def test_everyone_a_list_finds_though_the_change_takes_them_out_of_it(scoped, small_chunks):
    owner = make_member(scoped, "owner")
    for stage in ("lead",) * 5 + ("lapsed",):
        make_customer(scoped, stage=stage)

    change = bulk_start(merchant=scoped, member=owner, changes={"stage": "customer"}, query="stage=lead")
    assert small_chunks == [change.pk], "a worker is rung"
    assert Customer.objects.filter(stage="lead").count() == 5
    late = make_customer(scoped, stage="lead")
    services.work_on(merchant_id=scoped.pk, change_id=change.pk)

    change.refresh_from_db()
    assert (change.state, change.seen, change.changed) == ("done", 5, 5)
    assert list(Customer.objects.filter(stage="lead")) == [late], "who came later was never asked about"
    assert Event.objects.filter(name="customers.customer_changed", backfill=True).count() == 5
    assert Event.objects.get(name="customers.customers_changed").data["count"] == 5


def test_killed_between_chunks_it_goes_on_where_it_stood(scoped, small_chunks):
    owner = make_member(scoped, "owner")
    for _number in range(5):
        make_customer(scoped, stage="lead")
    change = bulk_start(merchant=scoped, member=owner, changes={"add_tags": ["x"]}, query="")
    assert services._chunk(change) is True
    BulkChange.objects.update(worked_at=timezone.now() - timedelta(hours=1))

    assert sweep() == 1
    bulk_work(change=change)

    change.refresh_from_db()
    assert (change.seen, change.changed, BulkChangeRow.objects.count()) == (5, 5, 5)
    assert set(Customer.objects.values_list("tags", flat=True).distinct()[0]) == {"x"}
    assert sweep() == 0


def test_a_member_changes_only_whom_they_see(scoped):
    reader = make_member(scoped, "manager", visibility="own")
    mine, other = make_customer(scoped, "Mine", owner=reader), make_customer(scoped, "Other")

    bulk_start(merchant=scoped, member=reader, changes={"stage": "repeat"}, query="")
    bulk_start(merchant=scoped, member=reader, changes={"grade": "A"}, ids=[mine.pk, other.pk])

    other.refresh_from_db()
    assert (other.stage, other.grade) == ("lead", "")
    assert Customer.objects.get(pk=mine.pk).grade == "A"


@pytest.mark.parametrize(
    "case, changes, wrong",
    [
        ("nothing", {}, set()),
        ("no such stage", {"stage": "king"}, {"stage"}),
        ("no such field", {"email": "a@b.cn"}, {"email"}),
        ("no such owner", {"owner": 987_654_321}, {"owner"}),
        ("no such team", {"team": "x"}, {"team"}),
        ("no such language", {"language": "xx"}, {"language"}),
        ("a value that doesn't fit", {"attributes": {"cups": "many"}}, {"attributes.cups"}),
        ("one unique value for many", {"attributes": {"card": "A1"}}, {"attributes.card"}),
    ],
)
def test_what_can_not_be_is_refused_before_anything_changes(case, changes, wrong, scoped):
    make_field(scoped, "Cups", "number")
    make_field(scoped, "Card", "text", is_unique=True)
    one = make_customer(scoped)

    with pytest.raises(Rejected) as refusal:
        bulk_start(merchant=scoped, member=None, changes=changes, ids=[one.pk])

    assert set(refusal.value.fields) == wrong
    assert not BulkChange.objects.exists()


def test_a_day_later_it_stays(scoped):
    one = make_customer(scoped)
    change = bulk_start(merchant=scoped, member=None, changes={"stage": "repeat"}, ids=[one.pk])
    BulkChange.objects.update(created_at=timezone.now() - timedelta(hours=26))
    change.refresh_from_db()

    with pytest.raises(Conflict):
        bulk_undo(change=change)
    sweep()
    assert not BulkChangeRow.objects.exists(), "what people had before is forgotten"


def test_the_page_counts_then_changes_and_takes_back(member_client, merchant):
    client = member_client("owner")
    one = make_customer(merchant, "Li", stage="lead")
    body = {"ids": [one.pk], "stage": "repeat"}

    opened = client.post("/customers/bulk/change/", {"ids": [one.pk]})
    counted = client.post("/customers/bulk/change/", body | {"action": "check"})
    done = client.post("/customers/bulk/change/", body | {"action": "go"})

    assert (opened.status_code, counted.status_code, done.status_code) == (200, 200, 302)
    assert "1 of 1 customers are not so already" in counted.content.decode()
    assert "Take it back" in client.get(done["Location"]).content.decode()
    client.post(f"{done['Location']}undo/")
    with merchant_scope(merchant):
        assert Customer.objects.get().stage == "lead"


def test_everyone_takes_a_permission_of_its_own(member_client, merchant, rival):
    make_customer(merchant)
    agent = member_client("agent")
    with merchant_scope(rival):
        theirs = BulkChange.objects.create(merchant=rival, state="done", changed=1)

    assert agent.get("/customers/bulk/change/").status_code == 403
    assert agent.post("/customers/bulk/change/", {"stage": "repeat", "action": "go"}).status_code == 403
    outsider = client_of(make_member(merchant, "owner", email="o@example.com"))
    assert outsider.post(f"/customers/bulk/{theirs.pk}/undo/").status_code == 404


def test_programs_change_count_and_undo(merchant, rival):
    api = ApiClient(make_key(merchant)[1])
    one, stranger = make_customer(merchant), make_customer(rival)
    body = {"ids": [one.pk, stranger.pk], "changes": {"stage": "repeat"}}

    counted = api.post_json("customers/bulk/", body | {"dry_run": True})
    done = api.post_json("customers/bulk/", body)
    undone = api.post_json(f"bulk-changes/{done.json()['id']}/undo/", {})

    assert counted.json() == {"found": 1, "changing": 1}
    assert (done.status_code, done.json()["state"], done.json()["changed"]) == (201, "done", 1)
    assert (undone.status_code, undone.json()["state"]) == (200, "undone")
    assert ApiClient(make_key(rival)[1]).get(f"bulk-changes/{done.json()['id']}/").status_code == 404


def test_a_tag_is_renamed_merged_and_taken_away_with_an_undo(member_client, scoped):
    client = member_client("manager")
    ada = make_customer(scoped, "Ada", tags=["vip", "tea & co"], grade="A")
    bo = make_customer(scoped, "Bo", tags=["VIP gold", "vip"], grade="B")
    make_customer(scoped, "Gone", tags=["vip"], erased_at=timezone.now())
    page = client.get("/settings/tags/").content.decode()
    assert "2 customers" in page and "?tag=tea+%26+co" in page

    merged = client.post("/settings/tags/change/", {"kind": "tag", "old": "vip", "new": "VIP gold"})
    told = client.get(merged["Location"]).content.decode()
    assert "+ VIP gold, − vip" in told or "− vip, + VIP gold" in told
    for one in (ada, bo):
        one.refresh_from_db()
    assert (ada.tags, bo.tags) == (["tea & co", "VIP gold"], ["VIP gold"])
    bulk_undo(change=BulkChange.objects.get())
    ada.refresh_from_db()
    assert set(ada.tags) == {"vip", "tea & co"}

    client.post("/settings/tags/change/", {"kind": "grade", "old": "A", "new": ""})
    ada.refresh_from_db()
    assert ada.grade == ""
    for wrong in (
        {"kind": "tag", "old": "vip", "new": "vip"},
        {"kind": "name", "old": "Ada"},
        {"kind": "tag"},
    ):
        answer = client.post("/settings/tags/change/", wrong, follow=True)
        assert "gx-toast" in answer.content.decode() or "alert" in answer.content.decode()
    assert BulkChange.objects.count() == 2


def test_tags_are_counted_and_renamed_only_where_the_member_sees(member_client, scoped):
    client = member_client("manager", visibility="own")
    make_customer(scoped, tags=["vip"], owner=client.membership)
    other = make_customer(scoped, tags=["vip"])
    assert "1 customer" in client.get("/settings/tags/").content.decode()
    client.post("/settings/tags/change/", {"kind": "tag", "old": "vip", "new": "gold"})
    other.refresh_from_db()
    assert other.tags == ["vip"]


@pytest.mark.parametrize("query", ["stage=nonsense", "stgae=lead", "team=999999", "since=2026-02-31"])
def test_a_filter_that_means_nothing_is_never_everybody(scoped, query):
    owner, one = make_member(scoped, "owner"), make_customer(scoped, grade="B")
    with pytest.raises(Rejected) as refused:
        bulk_start(merchant=scoped, member=owner, changes={"grade": "A"}, query=query)
    assert refused.value.code_name == "unknown_filter"
    one.refresh_from_db()
    assert one.grade == "B"


def test_a_tag_that_nobody_has_finds_nobody(scoped):
    owner = make_member(scoped, "owner")
    make_customer(scoped, tags=["tea"])
    with pytest.raises(Rejected) as refused:
        bulk_start(merchant=scoped, member=owner, changes={"grade": "A"}, query="tag=gone")
    assert refused.value.code_name == "nobody"


def test_a_filter_that_loses_its_meaning_under_way_ends_the_change(scoped, small_chunks):
    owner, team = make_member(scoped, "owner"), make_team(scoped, "East")
    ours = [make_customer(scoped, team=team) for _number in range(5)]
    other = make_customer(scoped)
    change = bulk_start(merchant=scoped, member=owner, changes={"grade": "A"}, query=f"team={team.pk}")
    assert services._chunk(change)
    team.delete()
    bulk_work(change=change)

    change.refresh_from_db()
    assert (change.state, change.cut_short, change.changed) == ("done", True, 2)
    other.refresh_from_db()
    assert other.grade == ""
    page = client_of(owner).get(f"/customers/bulk/{change.pk}/").content.decode()
    assert "It ended before its end" in page
    bulk_undo(change=change)
    bulk_work(change=change)
    assert not Customer.objects.filter(pk__in=[one.pk for one in ours], grade="A").exists()


def test_a_grade_without_a_name_is_not_everybodys(member_client, scoped):
    make_customer(scoped)
    member_client("owner").post("/settings/tags/change/", {"kind": "grade", "old": "", "new": "A"})
    assert not Customer.objects.exclude(grade="").exists()


def test_a_bound_colleague_takes_back_their_own_changes_only(member_client, scoped):
    one = make_customer(scoped)
    change = bulk_start(merchant=scoped, member=make_member(scoped), changes={"grade": "A"}, ids=[one.pk])
    bound = member_client("manager", visibility="own")
    assert "Take it back" not in bound.get(f"/customers/bulk/{change.pk}/").content.decode()
    assert bound.post(f"/customers/bulk/{change.pk}/undo/").status_code == 403
    one.refresh_from_db()
    assert one.grade == "A"
    assert member_client("manager").post(f"/customers/bulk/{change.pk}/undo/").status_code == 302


def test_an_address_longer_than_is_kept_is_refused(scoped):
    owner = make_member(scoped, "owner")
    with pytest.raises(Rejected) as refused:
        bulk_start(merchant=scoped, member=owner, changes={"grade": "A"}, query="q=" + "x" * 2_000)
    assert refused.value.code_name == "long_query"
