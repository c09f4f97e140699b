"""What the browser loads: only named files, from locked packages, and little of our own."""

import json
import re

from tests.support.settings_names import ROOT

OWN_LIMIT_BYTES = 200_000  # UI.md: under 200 kB of own assets


def test_every_vendor_file_comes_from_a_locked_package():
    package = json.loads((ROOT / "package.json").read_text())
    lock = json.loads((ROOT / "package-lock.json").read_text())

    for source, target in package["assetFiles"].items():
        name = re.match(r"(@[^/]+/)?[^/]+", source).group()
        assert name in package["dependencies"], source
        assert "integrity" in lock["packages"][f"node_modules/{name}"], source
        assert target.startswith("vendor/"), target


def test_the_lock_names_no_registry():
    for name in ("package-lock.json", "requirements.txt", "requirements-dev.txt", "requirements-node.txt"):
        assert "://" not in re.sub(r'"url": "[^"]*"', "", (ROOT / name).read_text()), name


def test_every_locked_python_package_has_a_hash():
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-node.txt"):
        for block in re.split(r"\n(?=\S)", (ROOT / name).read_text().strip()):
            assert "--hash=sha256:" in block, f"{name}: {block[:60]}"


def test_made_assets_are_the_named_ones_without_source_maps():
    wanted = json.loads((ROOT / "package.json").read_text())["assetFiles"].values()

    for target in wanted:
        text = (ROOT / "assets" / target).read_bytes()
        assert len(text) > 1000, target
        assert b"sourceMappingURL" not in text, target
    made = {str(path.relative_to(ROOT / "assets")) for path in (ROOT / "assets").rglob("*.*")}
    assert made == {*wanted, "stamp.txt"}


def test_our_own_styles_and_scripts_stay_small():
    own = [path for path in (ROOT / "static").rglob("*") if path.suffix in {".css", ".js"}]

    assert own
    assert sum(path.stat().st_size for path in own) < OWN_LIMIT_BYTES
