"""docs/events.md is the code's own list of events and handlers."""

from pathlib import Path

from django.utils import translation

from crm.events.handling import HANDLERS
from crm.events.management.commands.events_map import events_map
from crm.events.types import REGISTRY
from tests.support.services import ROOT


def test_the_page_equals_the_code():
    with translation.override("en"):
        page = events_map()

    written = Path(ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    assert written == page, 'run make manage ARGS="events_map --write"'


def test_every_event_belongs_to_an_app_and_reads_in_english():
    apps = {"accounts", "customers", "orders", "reviews", "service", "marketing", "loyalty", "insight"}
    apps |= {"imports", "exports", "integrations", "events"}
    for name, kind in REGISTRY.items():
        app, _sign, fact = name.partition(".")
        assert app in apps, name
        assert fact and fact == fact.lower(), name
        assert str(kind.label), name
        assert kind.sentence({}), name


def test_handlers_are_named_after_their_app():
    for name in HANDLERS:
        assert name.count(".") == 1, name
