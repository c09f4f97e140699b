"""One owner per state folder; commands that use its services are waited for."""

import json
import os
import subprocess
import sys

import pytest

from crm.local.place import Busy, Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "local").prepare()


def test_a_second_owner_is_refused_and_told_who_is_first(place):
    with place.owned("make run"):
        place.write_running({"command": "make run", "pid": 4711, "PUBLIC_URL": "http://127.0.0.1:8000"})

        with pytest.raises(Busy) as refusal, place.owned("make services"):
            pytest.fail("both own it")

    text = str(refusal.value)
    assert "`make run` is already running" in text
    assert "http://127.0.0.1:8000" in text
    assert "4711" in text
    with place.owned("make services"):
        assert place.is_owned()
    assert not place.is_owned()


def test_the_lock_of_a_killed_owner_is_free_and_its_record_is_handed_on(place):
    code = (
        "import os, sys; from pathlib import Path; from crm.local.place import Place\n"
        "place = Place(Path(sys.argv[1]))\n"
        "with place.owned('make run'):\n"
        "    place.write_running({'children': {'web': [1, 'x']}})\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(place.home)], cwd=os.getcwd(), check=False)
    assert killed.returncode == -9

    with place.owned("make run") as earlier:
        assert earlier == {"children": {"web": [1, "x"]}}


def test_a_user_of_the_services_is_waited_for(place):
    assert place.wait_unused(0)
    with place.used():
        assert not place.wait_unused(0.2)
    assert place.wait_unused(0)


def test_the_record_of_a_proper_owner_is_gone(place):
    with place.owned("make run"):
        assert json.loads(place.running_file.read_text())["pid"] == os.getpid()
    assert place.running() == {}
