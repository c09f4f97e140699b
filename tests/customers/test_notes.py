"""Notes: mentions of colleagues, changed and taken back with a trace, pinned, and walls."""

from __future__ import annotations

import pytest

from crm.accounts.models import Notice
from crm.events.models import Event
from crm.integrations.models.outbox import OutboundMail
from crm.lib.errors import Forbidden, Rejected
from customers.models import Note
from customers.notes import note_add, note_change, note_delete
from tests.factories.accounts import make_member
from tests.factories.customers import make_company, make_customer


@pytest.fixture
def author(scoped):
    return make_member(scoped, "agent", email="anna@example.com", name="Anna")


def told() -> set[str]:
    return {mail.to for mail in OutboundMail.objects.filter(purpose="mention")}


@pytest.mark.parametrize(
    "case, text, expected",
    [
        ("a name", "Please look, @Bob Stone.", {"bob@example.com"}),
        ("a name among Chinese letters and the wide sign", "请＠王文博 看一下", {"wang@example.com"}),
        ("an address", "ask @bob@example.com", {"bob@example.com"}),
        ("the longest name wins", "@Bob Stone Junior knows", {"junior@example.com"}),
        ("a longer word is somebody else", "@Bob Stonehenge", set()),
        ("nobody who works here", "@Mallory <script>", set()),
        ("somebody of another shop", "@Rita Rival", set()),
        ("a former colleague", "@Fred Former", set()),
        ("the author", "@Anna", set()),
        ("twice is once", "@Bob Stone and @bob stone", {"bob@example.com"}),
    ],
)
def test_who_is_mentioned(scoped, rival, author, case, text, expected):
    for name, email in (("Bob Stone", "bob"), ("Bob Stone Junior", "junior"), ("王文博", "wang")):
        make_member(scoped, "agent", name=name, email=f"{email}@example.com")
    make_member(scoped, "agent", name="Fred Former", email="fred@example.com", is_active=False)
    make_member(rival, "agent", name="Rita Rival", email="rita@example.com")
    note_add(author=author, text=text, customer=make_customer(scoped))
    assert told() == expected, case
    assert {one.member.user.email for one in Notice.objects.all()} == expected


def test_a_mail_of_a_mention_carries_no_word_of_the_note(scoped, author):
    bob = make_member(scoped, "agent", name="Bob", email="bob@example.com")
    person = make_customer(scoped, "Li Xiaomei")
    note = note_add(author=author, text="@Bob her new number is 555", customer=person)
    mail = OutboundMail.objects.get()
    assert "555" not in mail.text + mail.subject
    assert "Xiaomei" not in mail.text + mail.subject
    assert f"/customers/{person.pk}/#note-{note.pk}" in mail.text
    assert Notice.objects.get().member == bob


def test_who_may_not_see_the_customer_is_not_told(scoped, author):
    make_member(scoped, "agent", name="Bob", email="bob@example.com", visibility="own")
    note = note_add(author=author, text="@Bob look", customer=make_customer(scoped))
    assert (told(), note.mentions) == (set(), [])


def test_changing_tells_only_who_is_new_and_leaves_a_trace(scoped, author):
    for name in ("Bob", "Cleo"):
        make_member(scoped, "agent", name=name, email=f"{name.lower()}@example.com")
    note = note_add(author=author, text="@Bob look", customer=make_customer(scoped))
    assert note_change(note=note, by=author, text="@Bob and @Cleo look")
    assert not note_change(note=note, by=author, text="@Bob and @Cleo look")
    assert OutboundMail.objects.count() == 2
    note.refresh_from_db()
    assert note.edited_at is not None
    assert "customers.note_changed" in Event.objects.values_list("name", flat=True)


def test_only_the_author_changes_and_the_manager_may_take_away(scoped, author):
    other, manager = make_member(scoped, "agent"), make_member(scoped, "manager")
    note = note_add(author=author, text="Mine", customer=make_customer(scoped))
    with pytest.raises(Forbidden):
        note_change(note=note, by=manager, text="Not mine")
    with pytest.raises(Forbidden):
        note_delete(note=note, by=other)
    note.refresh_from_db()
    assert note.text == "Mine"
    note_delete(note=note, by=manager)
    assert not Note.objects.exists()
    trace = Event.objects.get(name="customers.note_deleted")
    assert "Mine" not in str(trace.data)


def test_an_empty_note_is_none(scoped, author):
    with pytest.raises(Rejected):
        note_add(author=author, text=" \x00 ", customer=make_customer(scoped))


def test_notes_on_a_company_stand_in_its_story(scoped, member_client):
    client, company = member_client("agent"), make_company(scoped)
    card = client.post(f"/companies/{company.pk}/notes/", {"text": "Pays late <b>"}).content.decode()
    assert "Pays late &lt;b&gt;" in card
    page = client.get(f"/companies/{company.pk}/").content.decode()
    assert page.count("Pays late &lt;b&gt;") == 2  # in the card and in the timeline
    note = Note.objects.get()
    assert "pinned" in client.post(f"/notes/{note.pk}/pin/").content.decode()
    assert "textarea" in client.get(f"/notes/{note.pk}/").content.decode()
    client.post(f"/notes/{note.pk}/", {"text": "Pays"})
    client.post(f"/notes/{note.pk}/delete/")
    assert not Note.objects.exists()
    assert member_client("viewer").post(f"/companies/{company.pk}/notes/", {"text": "x"}).status_code == 403


def test_pinned_notes_stand_first(scoped, member_client):
    client, person = member_client("agent"), make_customer(scoped)
    first = note_add(author=client.membership, text="Old but true", customer=person)
    for number in range(5):
        note_add(author=client.membership, text=f"Later {number}", customer=person)
    card = client.get(f"/customers/{person.pk}/notes/").content.decode()
    assert "Old but true" not in card
    card = client.post(f"/notes/{first.pk}/pin/").content.decode()
    assert card.index("Old but true") < card.index("Later 4")


def test_colleagues_are_offered_and_no_others(scoped, rival, member_client):
    client = member_client("agent", name="Anna Lee", email="anna@example.com")
    make_member(rival, "agent", name="Anna Rival")
    found = client.get("/notes/people/?q=ann").json()["people"]
    assert [one["name"] for one in found] == ["Anna Lee"]
