"""For container health checks: `python -m crm.local.probe URL` (does it answer 200?) or `… probe beat`."""

import datetime
import sys

from crm.local.stack import status

# Beat rings the sweepers every 30 s; ten rings without a job mean that it, or every worker, is gone.
BEAT_SILENCE = datetime.timedelta(minutes=5)


def beat_was_heard() -> bool:
    """Whether a job of beat's has started lately."""
    import django

    django.setup()
    from crm.events.models import BeatSlot

    since = datetime.datetime.now(datetime.UTC) - BEAT_SILENCE
    return BeatSlot.objects.filter(started_at__gte=since).exists()


if __name__ == "__main__":
    healthy = beat_was_heard() if sys.argv[1] == "beat" else status(sys.argv[1]) == 200
    sys.exit(not healthy)
