"""docker-compose.yml is whole and holds no secret; the containers know only settings that exist."""

import re

import pytest
import yaml

from tests.support.settings_names import ROOT, settings_names

SERVICES = {"postgres", "redis", "migrate", "web", "live", "worker", "sender", "bulk", "beat", "proxy"}
APP = {"migrate", "web", "live", "worker", "sender", "bulk", "beat"}
SECRETS = {"SECRET_KEY", "FIELD_ENCRYPTION_KEY", "POSTGRES_PASSWORD", "SMTP_PASSWORD"}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_every_process_of_the_design_is_a_service(compose):
    assert set(compose["services"]) == SERVICES


@pytest.mark.parametrize("name", sorted(SERVICES - {"migrate"}))
def test_every_lasting_service_has_a_health_check_and_comes_back(compose, name):
    service = compose["services"][name]

    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"


def test_the_app_starts_after_its_data_and_its_migrations(compose):
    for name in APP - {"migrate"}:
        needs = compose["services"][name]["depends_on"]
        assert needs["migrate"] == {"condition": "service_completed_successfully"}, name
        assert needs["postgres"] == needs["redis"] == {"condition": "service_healthy"}, name
    assert "migrate" not in compose["services"]["migrate"]["depends_on"]


def test_no_secret_is_written_down_and_each_is_demanded(compose):
    text = (ROOT / "docker-compose.yml").read_text()
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if name in SECRETS:
                assert re.fullmatch(r"\$\{[A-Z_]+(:\?[^}]+|:-)\}", value), f"{name} is written down"
    assert re.search(r"postgres://guanxi:\$\{POSTGRES_PASSWORD:\?", text)
    for name in SECRETS - {"SMTP_PASSWORD"}:
        assert f"${{{name}:?" in text, f"{name} has a default"
    assert not re.search(r"(?i)(password|secret|key): ['\"]?[a-z0-9]{8,}", text)


def test_the_containers_set_only_what_settings_read(compose):
    for name in APP:
        unknown = set(compose["services"][name]["environment"]) - settings_names()
        assert not unknown, f"{name} sets {unknown}"


def test_only_the_proxy_is_reachable_from_outside(compose):
    assert {name for name, service in compose["services"].items() if "ports" in service} == {"proxy"}


def test_the_files_that_the_containers_need_exist(compose):
    build = compose["services"]["migrate"]["build"]
    dockerfile = (ROOT / build["dockerfile"]).read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source
    for volume in compose["services"]["proxy"]["volumes"]:
        source = volume.split(":")[0]
        assert not source.startswith("./") or (ROOT / source).is_file(), source


def test_workers_together_serve_every_queue(compose):
    queues = set()
    for name in ("worker", "sender", "bulk"):
        words = compose["services"][name]["command"]
        queues |= set(words[words.index("-Q") + 1].split(","))

    assert queues == {"default", "mail", "campaigns", "imports", "insight"}
