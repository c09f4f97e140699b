"""What a backup file may put where."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from crm.local.backup import unpack
from crm.local.place import Refused


def archive_of(*members: tarfile.TarInfo, body: bytes = b"x") -> tarfile.TarFile:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as writing:
        for member in members:
            member.size = len(body) if member.isfile() else 0
            writing.addfile(member, io.BytesIO(body) if member.isfile() else None)
    file.seek(0)
    return tarfile.open(fileobj=file)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    one = tarfile.TarInfo(name)
    one.type, one.linkname, one.mode = kind, target, 0o777
    return one


def test_its_own_files_are_unpacked_for_their_owner_alone(tmp_path: Path) -> None:
    folders = [member("media", tarfile.DIRTYPE), member("media/empty", tarfile.DIRTYPE)]
    with archive_of(*folders, member("secrets.json"), member("media/a/photo.jpg"), body=b"jpeg") as archive:
        unpack(archive, tmp_path)
    assert (tmp_path / "media" / "a" / "photo.jpg").read_bytes() == b"jpeg"
    assert (tmp_path / "media" / "empty").is_dir()
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "case, hostile",
    [
        ("above", member("../outside")),
        ("above by a folder of ours", member("media/../../outside")),
        ("absolute", member("/outside")),
        ("not ours", member("postgres/pg_hba.conf")),
        ("a link", member("media/link", tarfile.SYMTYPE, "/etc/passwd")),
        ("a hard link", member("media/link", tarfile.LNKTYPE, "../outside")),
        ("a pipe", member("media/pipe", tarfile.FIFOTYPE)),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, case: str, hostile: tarfile.TarInfo) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    (tmp_path / "outside").write_text("untouched")
    with archive_of(hostile) as archive, pytest.raises(Refused):
        unpack(archive, folder)
    assert (tmp_path / "outside").read_text() == "untouched"
    assert not [path for path in folder.rglob("*") if not path.is_dir()]
