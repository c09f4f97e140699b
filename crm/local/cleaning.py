"""`make clean`: removes the state folder, after what uses it has stopped."""

import shutil

from crm.local import testcluster
from crm.local.place import Place, Refused


def clean() -> int:
    place = Place.from_environment()
    if not place.home.exists():
        return 0
    if place.is_owned():
        raise Refused(f"{place.busy_message()}\nNothing was removed.")
    if testcluster.HOME.is_relative_to(place.home):
        testcluster.stop()
        if testcluster.HOME.exists() and Place(testcluster.HOME).is_owned():
            raise Refused("Tests are running on this folder. Nothing was removed.")
    if not place.erasures_file.exists():
        shutil.rmtree(place.home)
        print(f"Removed {place.home}.")
        return 0
    for path in place.home.iterdir():
        if path == place.erasures_file:  # a backup that is restored next must be erased again
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    print(f"Removed everything in {place.home} but {place.erasures_file.name}: hashes of who was erased.")
    return 0
