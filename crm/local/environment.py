"""The environment of every process of the embedded stack: what crm/settings.py asks for."""

import os
from collections.abc import Mapping

from crm.local import postgres, redis
from crm.local.place import Place
from crm.local.ports import LOOPBACK, Ports

# What a user may set to use a service of their own; the embedded one then stays off.
EXTERNAL_DATABASE, EXTERNAL_REDIS = "DATABASE_URL", "REDIS_URL"
EVERY_ADDRESS = {"0.0.0.0", "::"}
# For commands that read the settings and connect to nothing.
PLACEHOLDERS = {
    "SECRET_KEY": "connects to nothing, no secret: " + "x" * 40,
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "DJANGO_SETTINGS_MODULE": "crm.settings",
}


def is_external(name: str, outer: Mapping[str, str] | None = None) -> bool:
    return bool((os.environ if outer is None else outer).get(name))


def build(
    place: Place, ports: Ports, *, host: str = LOOPBACK, outer: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment of the children. What the user has set wins over what we would choose."""
    outer = os.environ if outer is None else outer
    kept = place.secrets()
    shown = LOOPBACK if host in EVERY_ADDRESS else host  # what a browser on this machine can open
    public = address(shown, ports.web)
    chosen = {
        "DJANGO_SETTINGS_MODULE": "crm.settings",
        "SECRET_KEY": kept["SECRET_KEY"],
        "FIELD_ENCRYPTION_KEY": kept["FIELD_ENCRYPTION_KEY"],
        "DATABASE_URL": postgres.url(ports.postgres, kept["POSTGRES_PASSWORD"]),
        "REDIS_URL": redis.url(ports.redis),
        "PUBLIC_URL": public,
        "LIVE_URL": address(shown, ports.live) + "/live/",
        "SMTP_HOST": LOOPBACK,
        "SMTP_PORT": str(ports.smtp),
        "MAILBOX_URL": f"http://{LOOPBACK}:{ports.mailbox}/",
        "MEDIA_ROOT": str(place.home / "media"),
        "ERASURE_LEDGER": str(place.erasures_file),
        "STATIC_ROOT": str(place.home / "static"),
        "CRM_LOCAL": str(place.home),
        "PYTHONUNBUFFERED": "1",
        "XDG_RUNTIME_DIR": str(place.home),
    }
    if host in EVERY_ADDRESS:
        chosen["ALLOWED_HOSTS"] = "*"
    given = {name: value for name, value in outer.items() if value or name not in chosen}
    return {**chosen, **given}


def address(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
