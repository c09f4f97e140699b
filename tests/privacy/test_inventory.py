"""Every column that can hold words about a person is declared, and none that is called personal survives."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction

import crm.urls  # noqa: F401 - loads every app's routes and registries
from crm.lib.privacy import HARMLESS, PERSONAL
from crm.lib.tenancy import merchant_scope
from customers.privacy.erasing import customer_erase
from tests.factories.world import World, make_world, tenant_models
from tests.privacy.grep import found_anywhere

WORDY = (
    models.CharField,
    models.TextField,
    models.JSONField,
    models.BinaryField,
    models.FileField,
    ArrayField,
)


def wordy_columns(model: type[models.Model]) -> set[str]:
    """Columns that can hold anything that somebody writes; a choice is one of ours."""
    return {one.name for one in model._meta.concrete_fields if isinstance(one, WORDY) and not one.choices}


@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model._meta.label_lower)
def test_every_column_of_words_is_declared(model: type[models.Model]) -> None:
    label = model._meta.label_lower
    declared = PERSONAL.get(label, set()) | set(HARMLESS.get(label, {}))
    silent = wordy_columns(model) - declared
    assert not silent, (
        f"{label}: {sorted(silent)} — say in the app's privacy.py whether an erasure must empty it"
        " (personal, and an eraser that does) or why it may stay (harmless)."
    )
    assert not PERSONAL.get(label, set()) & set(HARMLESS.get(label, {}))


def test_nothing_is_declared_that_does_not_exist() -> None:
    known = {model._meta.label_lower: {one.name for one in model._meta.concrete_fields}
             for model in tenant_models()}  # fmt: skip
    declared = {label: set(columns) for label, columns in [*PERSONAL.items(), *HARMLESS.items()]}
    assert {label: columns - known.get(label, set()) for label, columns in declared.items()
            if columns - known.get(label, set())} == {}  # fmt: skip


# --- the canary --------------------

# What ties a row to the person without a foreign key.
TIES = {
    "events.event": lambda world: {"customer_id": world.row("customers.Customer").pk},
    "integrations.webhookattempt": lambda world: {"event_id": world.row("events.Event").pk},
    # A colleague's name stays beside their answer; the customer's own goes.
    "service.entry": lambda _world: {"author_id": None},
    "imports.change": lambda world: {
        "model": "orders.order",
        "object_id": world.row("orders.Order").pk,
    },
}
# Waiting for a store's news would be right, and is tested elsewhere.
SETTLED = {"integrations.inboundhook": {"state": "done"}}


def canary_for(one: Any, word: str) -> Any:
    """The word in the shape of the column."""
    if isinstance(one, models.JSONField):
        return [word] if isinstance(one.get_default(), list) else {"said": word, "deep": {"words": [word]}}
    if isinstance(one, ArrayField):
        return [word]
    if isinstance(one, models.BinaryField):
        return f'{{"name": "{word}"}}'.encode()
    if one.name in ("email", "to", "address", "contact_email") or isinstance(one, models.EmailField):
        return f"{word}@example.com"
    return word if one.max_length is None or len(word) <= one.max_length else word[-one.max_length :]


def put_canaries(world: World, word: str, media: Path) -> None:
    """Writes the word into every personal column of the world's rows."""
    for label, columns in PERSONAL.items():
        row = world.row(label)
        values = {
            name: canary_for(row._meta.get_field(name), word) for name in columns if name != "file_path"
        }
        ties = TIES.get(label, lambda _world: {})(world)
        type(row).objects.filter(pk=row.pk).update(**values | ties | SETTLED.get(label, {}))
    folder = media / "imports"
    folder.mkdir(parents=True)
    (folder / "upload").write_text(f"name,total\n{word},12\n")
    batch = world.row("imports.ImportBatch")
    type(batch).objects.filter(pk=batch.pk).update(file_path="imports/upload")


@pytest.mark.django_db(transaction=True)
def test_no_personal_column_survives_an_erasure(tmp_path: Path, settings) -> None:
    settings.MEDIA_ROOT, settings.ERASURE_LEDGER = tmp_path / "media", tmp_path / "erasures.jsonl"
    world, rival = make_world("canary"), make_world("other")
    word = f"zq{uuid.uuid4().hex[:6]}"
    with merchant_scope(world.merchant), transaction.atomic():
        put_canaries(world, word, settings.MEDIA_ROOT)
    before = rival.snapshot()
    places = found_anywhere(word)
    assert len(places["database"]) >= len(PERSONAL) and places["files"]

    with merchant_scope(world.merchant):
        customer_erase(customer=world.row("customers.Customer"), reason="asked", by="")

    assert found_anywhere(word) == {}
    assert rival.snapshot() == before
