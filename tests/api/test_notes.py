"""Notes by API: written in the key's name, changed only by it, pinned by anybody, and nothing for a rival."""

from __future__ import annotations

import pytest

from crm.accounts.models import Notice
from crm.events.models import Event
from customers.models import Note
from customers.notes import note_add
from tests.factories.accounts import make_member
from tests.factories.customers import make_company, make_customer


def test_a_note_goes_its_way(insider, outsider, merchant, scoped):
    bob = make_member(merchant, "agent", name="Bob Stone")
    person = make_customer(merchant)
    made = insider.post_json(
        "notes/", {"customer": person.pk, "text": "Ask @Bob Stone first", "pinned": True}
    )
    assert made.status_code == 201
    note = made.json()
    assert (note["author"], note["mentions"], note["pinned"]) == ("insider", [bob.pk], True)
    assert Notice.objects.get().title == "insider mentioned you in a note"
    assert Event.objects.get(name="customers.note_added").data["author"] == "insider"
    assert insider.get("notes/", {"customer": person.pk, "pinned": "true"}).json()["results"] == [note]
    changed = insider.patch(
        f"notes/{note['id']}/", {"text": "Nobody", "pinned": False}, content_type="application/json"
    )
    assert (changed.json()["text"], changed.json()["pinned"]) == ("Nobody", False)
    assert changed.json()["edited_at"] is not None
    assert outsider.get(f"notes/{note['id']}/").status_code == 404
    assert outsider.delete(f"notes/{note['id']}/").status_code == 404
    assert insider.delete(f"notes/{note['id']}/").status_code == 204
    assert not Note.objects.exists()


def test_of_another_s_note_only_the_pin_moves(insider, key_with, merchant, scoped):
    anna = make_member(merchant, "agent", name="Anna")
    note = note_add(author=anna, text="Hers", company=make_company(merchant))
    other = insider.post_json("notes/", {"company": note.company_id, "text": "Ours"}).json()
    stranger = key_with("notes.read", "notes.write")
    for client, pk in ((insider, note.pk), (stranger, other["id"])):
        path = f"notes/{pk}/"
        words = {"text": "Mine", "pinned": True}
        assert client.patch(path, words, content_type="application/json").status_code == 403
        assert client.delete(path).status_code == 403
        assert client.get(path).json()["pinned"] is False
        assert client.patch(path, {"pinned": True}, content_type="application/json").json()["pinned"] is True
    assert sorted(Note.objects.values_list("text", flat=True)) == ["Hers", "Ours"]


@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": "x"}, {"text": "x", "customer": 1, "company": 1}]
)
def test_refusals_name_the_field(insider, merchant, body):
    answer = insider.post_json("notes/", body)
    assert (answer.status_code, bool(answer.json()["fields"])) == (422, True)


def test_a_key_that_reads_does_not_write(key_with, merchant):
    reader = key_with("notes.read")
    assert reader.get("notes/").status_code == 200
    assert reader.post_json("notes/", {"text": "x"}).status_code == 403
    assert key_with("customers.read").get("notes/").status_code == 403
