"""The environment of the children: secrets made once and private, the user's own values first."""

import re
import stat

import pytest

from crm.local import environment
from crm.local.place import Place
from crm.local.ports import Ports
from tests.support.settings_names import ROOT, read_names, settings_names


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "local").prepare()


def build(place, outer=None, host="127.0.0.1"):
    return environment.build(place, Ports.after(18000), outer=outer or {}, host=host)


def test_secrets_are_made_once_and_only_their_owner_reads_them(place):
    first, again = build(place), build(place)

    assert first == again
    assert len(first["SECRET_KEY"]) >= 50
    assert first["SECRET_KEY"] != first["FIELD_ENCRYPTION_KEY"]
    assert stat.S_IMODE((place.home / "secrets.json").stat().st_mode) == 0o600
    other = Place(place.home.with_name("other")).prepare()
    assert build(other)["SECRET_KEY"] != first["SECRET_KEY"]


def test_addresses_follow_the_ports(place):
    env = build(place)

    assert env["PUBLIC_URL"] == "http://127.0.0.1:18000"
    assert env["LIVE_URL"] == "http://127.0.0.1:18001/live/"
    assert env["MAILBOX_URL"] == "http://127.0.0.1:18002/"
    assert env["SMTP_PORT"] == "18003"
    assert env["DATABASE_URL"].endswith("@127.0.0.1:18005/crm")
    assert env["REDIS_URL"] == "redis://127.0.0.1:18006/0"


def test_what_the_user_sets_wins_but_an_empty_value_does_not(place):
    env = build(place, {"DATABASE_URL": "postgres://me@db/shop", "REDIS_URL": "", "PATH": "/bin"})

    assert env["DATABASE_URL"] == "postgres://me@db/shop"
    assert env["REDIS_URL"] == "redis://127.0.0.1:18006/0"
    assert env["PATH"] == "/bin"
    assert environment.is_external("DATABASE_URL", {"DATABASE_URL": "postgres://me@db/shop"})
    assert not environment.is_external("REDIS_URL", {"REDIS_URL": ""})


def test_open_to_the_network_still_names_an_address_that_a_browser_can_open(place):
    env = build(place, host="0.0.0.0")

    assert env["PUBLIC_URL"] == "http://127.0.0.1:18000"
    assert env["ALLOWED_HOSTS"] == "*"


def test_settings_read_every_name_that_is_set_for_them(place):
    for_others = {"CRM_LOCAL", "DJANGO_SETTINGS_MODULE", "PYTHONUNBUFFERED", "XDG_RUNTIME_DIR"}

    assert set(build(place)) - for_others <= settings_names()


def test_the_manual_lists_exactly_the_variables_that_are_read():
    """docs/operating.md has a table row for each; a new setting needs a row, a gone one loses it."""
    manual = (ROOT / "docs" / "operating.md").read_text()
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", manual, re.MULTILINE))
    local = {"CRM_LOCAL", "CRM_PG_BIN", "CRM_DEMO", "CRM_REAL_DATA", "CRM_CHROMIUM", "CRM_TEST_SUFFIX"}
    for path in (ROOT / "crm" / "local").glob("*.py"):
        assert {name for name in read_names(path) if name.startswith("CRM_")} <= local, path

    assert settings_names() - listed == {"TESTING"}
    assert listed - settings_names() == local
