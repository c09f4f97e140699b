"""Making, changing and pausing connections."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.events import PII_REVEALED
from crm.accounts.models import Merchant, User
from crm.events.emitting import emit
from crm.events.ringing import ring_task
from crm.integrations import events
from crm.integrations.catalog import MESSENGERS, adapter_of
from crm.integrations.messengers.providers import LOGIN
from crm.integrations.models import Connection, InboundHook
from crm.lib.errors import Conflict, Rejected

# What marks a connection that can fetch: any of these given.
FETCH_KEYS = ("token", "consumer_key")


@transaction.atomic
def connection_create(
    *, merchant: Merchant, platform: str, name: str, values: Mapping[str, str], actor: User | None = None
) -> Connection:
    """The new connection, ready to receive. Raises Rejected for missing credentials."""
    adapter = adapter_of(platform)
    kept: dict[str, str] = {}
    for one in adapter.fields:
        value = one.make() if one.generated else values.get(one.name, "").strip()
        if one.required and not value:
            text = _("This is needed to connect.")
            raise Rejected(text, code="invalid", fields={one.name: [text]})
        kept[one.name] = value
    connection = Connection(merchant=merchant, platform=platform, name=name.strip(), created_by=actor)
    connection.keep_secrets(kept)
    if carrier := MESSENGERS.get(platform):
        connection.channel = Connection.Channel(carrier.channel)
        taken = _lock_default(merchant, connection.channel)
        connection.is_default = carrier.sends and not taken
    elif can_fetch(kept):
        connection.fetch_due_at = timezone.now()
    connection.save()
    emit(
        events.CONNECTION_MADE,
        merchant=merchant,
        subject=connection,
        data={"platform": str(adapter.label), "name": connection.name},
    )
    _ring_fetch(connection)
    return connection


@transaction.atomic
def connection_change(*, connection: Connection, name: str, values: Mapping[str, str]) -> Connection:
    """Renames it and replaces the credentials that were given; an empty one keeps what is stored."""
    connection = Connection.objects.select_for_update().get(pk=connection.pk)
    kept = connection.secrets()
    known = {one.name for one in adapter_of(connection.platform).fields if not one.generated}
    given = {field: value.strip() for field, value in values.items() if field in known and value.strip()}
    changes = sorted(field for field, value in given.items() if kept.get(field) != value)
    if name.strip() != connection.name:
        changes.append(_("name"))
    connection.name = name.strip()
    connection.keep_secrets(kept | given)
    if changes and not connection.channel and can_fetch(kept | given):
        connection.fetch_due_at, connection.fetch_attempts, connection.fetch_error = timezone.now(), 0, ""
    connection.save()
    _announce(connection, ", ".join(changes))
    _ring_fetch(connection)
    return connection


@transaction.atomic
def connection_make_default(*, connection: Connection) -> None:
    """The shop sends by this one from now on. Raises Conflict for a store, a carrier that only reports, and a
    paused one."""
    _lock_default(connection.merchant, connection.channel)
    connection = Connection.objects.select_for_update().get(pk=connection.pk)
    carrier = MESSENGERS.get(connection.platform)
    if carrier is None or not carrier.sends:
        raise Conflict(_("Nothing can be sent by this connection."), code="sends_nothing")
    if not connection.is_active:
        raise Conflict(_("The connection is paused. Resume it first."), code="paused")
    Connection.objects.filter(channel=connection.channel, is_default=True).update(is_default=False)
    connection.is_default = True
    connection.save(update_fields=["is_default"])
    _announce(connection, _("what the shop sends by"))


def connection_of(channel: str) -> Connection | None:
    """What the shop sends by; None without one, while it is paused, and when nothing here speaks to that
    carrier any more. In the shop's scope. One query."""
    found = Connection.objects.filter(channel=channel, is_default=True, state=Connection.State.ACTIVE)
    connection: Connection | None = found.first()
    return connection if connection is None or connection.platform in MESSENGERS else None


def _lock_default(merchant: Merchant, channel: str) -> bool:
    """Whether the channel has its carrier already; locks the shop's row, so that two can't become it."""
    Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
    return Connection.objects.filter(channel=channel, is_default=True).exists()


@transaction.atomic
def connection_pause(*, connection: Connection) -> None:
    """Deliveries are still taken and kept, but wait until it is resumed; nothing is fetched."""
    connection.state = Connection.State.PAUSED
    connection.save(update_fields=["state"])
    _announce(connection, _("paused"))


@transaction.atomic
def connection_resume(*, connection: Connection) -> None:
    connection.state = Connection.State.ACTIVE
    connection.save(update_fields=["state"])
    _announce(connection, _("resumed"))
    waiting = InboundHook.objects.filter(connection=connection, state__in=InboundHook.OPEN)
    ids = list(waiting.order_by("id").values_list("id", flat=True)[:500])
    if ids:
        transaction.on_commit(lambda: ring_task("integrations.work_hooks", [ids]))


@transaction.atomic
def connection_fetch(*, connection: Connection) -> None:
    """Fetches soon what changed since the last time. Raises Conflict without a key or when paused."""
    if not connection.is_active:
        raise Conflict(_("The connection is paused. Resume it first."), code="paused")
    if not can_fetch(connection.secrets()):
        raise Conflict(_("There is no access key to fetch with. Add one first."), code="no_token")
    connection.fetch_due_at, connection.fetch_attempts, connection.fetch_error = timezone.now(), 0, ""
    connection.save(update_fields=["fetch_due_at", "fetch_attempts", "fetch_error"])
    _ring_fetch(connection)


@transaction.atomic
def connection_delete(*, connection: Connection) -> None:
    """Its address answers 404 from now on. Orders that came through it stay."""
    _announce(connection, _("removed"))
    connection.delete()


@transaction.atomic
def hook_retry(*, hook: InboundHook) -> None:
    """Works a failed or refused delivery once more. Raises Conflict when its body is gone or it is done."""
    hook = InboundHook.objects.select_for_update().get(pk=hook.pk)
    if hook.state == InboundHook.State.DONE:
        raise Conflict(_("This delivery is done."), code="done")
    if not hook.body:
        raise Conflict(_("The body of this delivery is no longer kept."), code="body_gone")
    hook.state, hook.attempts, hook.due_at = InboundHook.State.PENDING, 0, timezone.now()
    hook.save(update_fields=["state", "attempts", "due_at"])
    transaction.on_commit(lambda: ring_task("integrations.work_hooks", [[hook.pk]]))


def can_fetch(kept: Mapping[str, str]) -> bool:
    return any(kept.get(name) for name in FETCH_KEYS)


def hook_url(connection: Connection, part: str = "") -> str:
    """The address to paste into the store, or the carrier's second one."""
    return f"{settings.PUBLIC_URL}/hooks/{connection.uuid}/{part + '/' if part else ''}"


def hook_urls(connection: Connection) -> list[tuple[str, str]]:
    """(what arrives there or "", address) of every door of the connection. Carriers that can't sign get name
    and password inside the address."""
    secrets = connection.secrets()
    login = secrets.get(LOGIN, "")
    doors = MESSENGERS[connection.platform].parts(secrets) if connection.channel else {"": ""}
    urls = [(str(label), hook_url(connection, part)) for part, label in doors.items()]
    return [(label, url.replace("://", f"://{login}@", 1) if login else url) for label, url in urls]


def _announce(connection: Connection, changes: str) -> None:
    if changes:
        data = {"name": connection.name, "changes": changes}
        emit(events.CONNECTION_CHANGED, merchant=connection.merchant_id, subject=connection, data=data)


def _ring_fetch(connection: Connection) -> None:
    if connection.fetch_due_at is not None:
        transaction.on_commit(lambda: ring_task("integrations.fetch", [connection.pk]))


@transaction.atomic
def reveal_note(*, merchant: Merchant, subject: models.Model, field: str) -> None:
    """Writes into the audit log that the acting member saw a raw body, which holds personal data."""
    emit(PII_REVEALED, merchant=merchant, subject=subject, data={"field": field})
