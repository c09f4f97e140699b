"""`make bench`: the scripts of bench/ on a database of their own, apart from the demo shop."""

import subprocess
import sys

from crm.local import prepared
from crm.local.place import ROOT, Place, Refused
from crm.local.running import with_services
from crm.local.stack import Stack

# Scripts that others start: they measure nothing by themselves.
HELPERS = {"smtp_sink"}


def available() -> list[str]:
    scripts = {path.stem for path in (ROOT / "bench").glob("*.py") if not path.stem.startswith("_")}
    return sorted(scripts - HELPERS)


def bench(words: list[str], port: int) -> int:
    """Runs one (`words`: its name, then its arguments) or, without words, all; 0 when all ended with 0."""
    names = words[:1] or available()
    if unknown := set(names) - set(available()):
        raise Refused(f"No benchmark {unknown.pop()}. There are: {', '.join(available())}.")
    place = Place(Place.from_environment().home / "bench").prepare()

    def measure(stack: Stack) -> int:
        env = {**stack.env, "CRM_DEMO": "0"}
        port = stack.ports.postgres if stack.owns_database else None
        for job in prepared.jobs_due(place, env, port):
            prepare = [sys.executable, "-m", "crm.local.prepare", job, "embedded"]
            if subprocess.run(prepare, cwd=ROOT, env=env, check=False).returncode != 0:
                raise Refused("The benchmarks could not be prepared; what it said is above.")
        prepared.remember(place, env)
        worst = 0
        for name in names:
            print(f"── {name}", flush=True)
            command = [sys.executable, str(ROOT / "bench" / f"{name}.py"), *words[1:]]
            worst = max(worst, abs(subprocess.run(command, cwd=ROOT, env=env, check=False).returncode))
        return worst

    return with_services(place, port, measure)
