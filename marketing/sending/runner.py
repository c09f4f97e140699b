"""One worker at work on one campaign, for a while.

The database side runs in the caller's thread: claim 500, check them, then again and again in one statement
"write what came back, mark the next as sending". The SMTP side runs in a thread of its own and needs no
database. Never more mails are `sending` than there are connections, so a death leaves at most that many in
doubt.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.emitting import Draft, emit_many
from crm.lib.tenancy import merchant_scope
from marketing.campaigns import events
from marketing.engine.compile import BoundMail, CompiledMail, Envelope
from marketing.engine.errors import BadAddress, RenderError
from marketing.engine.headers import address
from marketing.engine.layout import LINKS_NAME, PIXEL_NAME
from marketing.engine.smtp import DONE, IDLE, Engine, Limits, Outgoing, Result, Server, Timeouts
from marketing.engine.smtp import Pull as PullAnswer
from marketing.models import Campaign, Delivery, Link, SendingRun
from marketing.sending import checking, claiming, content, tokens
from marketing.sending.claiming import Outcome
from marketing.sending.context import contexts

log = structlog.get_logger()
T = TypeVar("T")

# A task holds its worker this long at most; then it rings for the next one, so that other mail gets its turn.
SLICE_SECONDS = 20.0
BEAT_SECONDS = 2.0
STATE_SECONDS = 0.3  # how often the campaign's state is looked at while sending
RECHECK_SECONDS = 10.0  # a check older than this is made again before the mail leaves
DATABASE_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Mail:
    """What rendering one mail needs."""

    delivery_id: int
    customer_id: int
    address: str
    message_id: str
    context: dict[str, Any]


@dataclass
class Report:
    """What one slice did. `more` tells that something is left for later."""

    sent: int = 0
    outcomes: int = 0
    more: bool = False
    trouble: str = ""


@dataclass
class _Shared:
    """What the two threads hand each other, under one lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    bell: threading.Event = field(default_factory=threading.Event)
    ready: deque[Mail] = field(default_factory=deque)
    outcomes: list[Outcome] = field(default_factory=list)
    done: bool = False
    stop: bool = False
    engine_over: bool = False


def server_from_settings() -> Server:
    return Server(
        host=settings.SMTP_HOST,
        port=settings.SMTP_PORT,
        security=settings.SMTP_SECURITY,
        username=settings.SMTP_USER,
        password=settings.SMTP_PASSWORD,
        helo=settings.PUBLIC_URL.partition("://")[2].partition("/")[0].partition(":")[0] or "localhost",
    )


@transaction.atomic
def announce_sent(merchant: Merchant, campaign: Campaign) -> int:
    """Puts the mails sent since the last time on their customers' timelines; how many."""
    sent = claiming.take_unannounced(merchant=merchant, campaign=campaign)
    facts = {"campaign": campaign.name, "campaign_id": campaign.pk}
    emit_many(
        [
            Draft(
                events.MAIL_SENT,
                customer_id=customer,
                subject_type="marketing.campaign",
                subject_id=campaign.pk,
                data=facts | {"delivery_id": delivery},
                dedupe_key=f"delivery:{delivery}",
            )
            for delivery, customer in sent
        ],
        merchant=merchant,
    )
    return len(sent)


class Runner:
    """Sends a campaign until nothing is due, the slice is over, or somebody paused it."""

    def __init__(
        self,
        *,
        merchant: Merchant,
        campaign: Campaign,
        server: Server | None = None,
        connections: int = 16,
        slice_seconds: float = SLICE_SECONDS,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    ) -> None:
        self.merchant, self.campaign = merchant, campaign
        self.connections = connections
        self._until = time.monotonic() + slice_seconds
        self._shared = _Shared()
        self._claimed: deque[Mail] = deque()
        self._checked_at = 0.0
        self._out = 0  # marked as sending and without a written outcome
        self._report = Report()
        self._last_beat = self._last_look = 0.0
        self._mail: CompiledMail
        self._bound: BoundMail
        self._engine = Engine(
            server or server_from_settings(),
            pull=self._pull,
            report=self._take_results,
            # Each round of the loop reports at once: the database side groups them.
            limits=Limits(connections=connections, batch_seconds=0.0, give_up_seconds=20),
            timeouts=timeouts,
            stopped=lambda: self._shared.stop,
        )

    def run(self) -> Report:
        """Blocks until the slice is over. Raises TemplateError, BadAddress, ValueError when the mail can't
        be made.
        """
        with merchant_scope(self.merchant):
            self._mail, self._bound = content.bound(self.campaign, self.merchant)
            self._note_links()
            self._policy = checking.policy_of(self.merchant)
            self._run = SendingRun.objects.create(merchant=self.merchant, campaign=self.campaign)
            thread = threading.Thread(target=self._smtp_side, name=f"smtp-{self._run.pk}", daemon=True)
            thread.start()
            try:
                self._database_side()
            finally:
                self._finish(thread)
        return self._report

    # ---------------------------------------------------------------- SMTP side (its own thread)

    def _smtp_side(self) -> None:
        try:
            tally = self._engine.run()
            self._report.trouble = tally.trouble
        finally:
            self._shared.engine_over = True
            self._shared.bell.set()

    def _pull(self) -> Outgoing | PullAnswer:
        while True:
            with self._shared.lock:
                if not self._shared.ready:
                    return DONE if self._shared.done or self._shared.stop else IDLE
                mail = self._shared.ready.popleft()
            try:
                return self._render(mail)
            except (RenderError, BadAddress, ValueError) as error:
                reason = "bad_address" if isinstance(error, BadAddress) else "render"
                failed = Outcome(mail.delivery_id, "failed", reason, str(error)[:500])
                with self._shared.lock:
                    self._shared.outcomes.append(failed)
                self._shared.bell.set()

    def _render(self, mail: Mail) -> Outgoing:
        to = address(mail.address)
        leave = tokens.unsubscribe_url(mail.delivery_id)
        context = {**mail.context, "unsubscribe_url": leave}
        if self.campaign.tracks:
            context[LINKS_NAME] = [
                tokens.click_url(mail.delivery_id, number) for number in range(len(self._mail.links))
            ]
            context[PIXEL_NAME] = tokens.open_url(mail.delivery_id)
        envelope = Envelope(
            message_id=mail.message_id,
            to_email=mail.address,
            date=formatdate(usegmt=False),
            to_name=mail.context["customer"]["name"],
            unsubscribe_url=leave,
        )
        data = self._bound.render(context, envelope)
        return Outgoing(mail.delivery_id, self._bound.mail_from, to.email, data, utf8=to.utf8)

    def _take_results(self, results: Sequence[Result]) -> None:
        with self._shared.lock:
            self._shared.outcomes.extend(claiming.outcome_of(result) for result in results)
        self._shared.bell.set()

    # ---------------------------------------------------------------- database side (the caller's thread)

    def _database_side(self) -> None:
        self._look_up()
        while True:
            outcomes = self._drain()
            if not outcomes and self._idle_round():
                return
            room = self.connections - self._out + len(outcomes)
            batch = [] if self._shared.stop else self._next(room)
            if outcomes or batch:
                started = self._commit(outcomes, batch)
                with self._shared.lock:
                    self._shared.ready.extend(started)
                self._engine.wake()
            self._look_up()

    def _idle_round(self) -> bool:
        """Nothing came back: fetch work, wait, or end. True at the end."""
        shared = self._shared
        if not shared.stop and not self._claimed and self._out < self.connections:
            self._refill()
            if not self._claimed and self._out == 0:
                shared.done = True
                self._engine.wake()
                return True
        if shared.stop and (self._out == 0 or shared.engine_over):
            return True
        if shared.engine_over and not shared.outcomes:
            return True
        if self._out >= self.connections or not self._claimed or shared.stop:
            shared.bell.wait(0.1)
            shared.bell.clear()
        return False

    def _drain(self) -> list[Outcome]:
        self._shared.bell.clear()
        with self._shared.lock:
            outcomes, self._shared.outcomes = self._shared.outcomes, []
        return outcomes

    def _next(self, room: int) -> list[Mail]:
        if self._claimed and time.monotonic() - self._checked_at > RECHECK_SECONDS:
            ids = [mail.delivery_id for mail in self._claimed]
            allowed = set(
                self._patiently(
                    lambda: claiming.recheck(
                        merchant=self.merchant, run=self._run, policy=self._policy, delivery_ids=ids
                    )
                )
            )
            self._claimed = deque(mail for mail in self._claimed if mail.delivery_id in allowed)
            self._checked_at = time.monotonic()
        return [self._claimed.popleft() for _ in range(min(room, len(self._claimed)))]

    def _refill(self) -> None:
        if time.monotonic() > self._until:
            self._report.more = True
            return
        claimed = self._patiently(
            lambda: claiming.claim(
                merchant=self.merchant, campaign=self.campaign, run=self._run, policy=self._policy
            )
        )
        if not claimed:
            return
        self._checked_at = time.monotonic()
        known = contexts(merchant=self.merchant, customer_ids=[customer for _delivery, customer in claimed])
        rows = Delivery.objects.filter(pk__in=[delivery for delivery, _customer in claimed]).order_by("pk")
        self._claimed.extend(
            Mail(pk, customer, to, message_id, known[customer])
            for pk, customer, to, message_id in rows.values_list("pk", "customer_id", "address", "message_id")
        )

    def _commit(self, outcomes: Sequence[Outcome], batch: Sequence[Mail]) -> list[Mail]:
        """One statement: what came back is written, what goes next is marked. The mails that may go."""
        ids = [mail.delivery_id for mail in batch]
        marked = self._patiently(
            lambda: claiming.turn(merchant=self.merchant, run=self._run, outcomes=outcomes, delivery_ids=ids)
        )
        started = [mail for mail in batch if mail.delivery_id in marked]
        self._out += len(started) - len(outcomes)
        self._report.outcomes += len(outcomes)
        self._report.sent += sum(1 for outcome in outcomes if outcome.state == Delivery.State.SENT)
        return started

    def _look_up(self) -> None:
        """Beats, and sees whether somebody paused or cancelled the campaign."""
        now = time.monotonic()
        if now - self._last_look >= STATE_SECONDS:
            self._last_look = now
            state = self._patiently(
                lambda: Campaign.objects.values_list("state", flat=True).get(pk=self.campaign.pk)
            )
            if state != Campaign.State.SENDING:
                self._stop()
        if now - self._last_beat >= BEAT_SECONDS:
            self._last_beat = now
            if not self._patiently(lambda: claiming.beat(self._run)):
                self._stop()
            self._patiently(lambda: announce_sent(self.merchant, self.campaign))

    def _stop(self) -> None:
        if not self._shared.stop:
            self._shared.stop = True
            self._claimed.clear()
            self._engine.wake()

    def _patiently(self, act: Callable[[], T]) -> T:
        """Does it, and does it again while the database is away; every write here may be made twice.

        Inside somebody's transaction (a test, a shell) there is nothing to come back to, so it just raises.
        """
        deadline = time.monotonic() + DATABASE_PATIENCE_SECONDS
        while True:
            try:
                return act()
            except (OperationalError, InterfaceError) as error:
                if connection.in_atomic_block or time.monotonic() > deadline:
                    raise
                log.warning("database away while sending", run=self._run.pk, error=str(error).strip())
                connection.close()
                time.sleep(0.5)

    def _note_links(self) -> None:
        Link.objects.bulk_create(
            [
                Link(merchant=self.merchant, campaign=self.campaign, number=number, target=target)
                for number, target in enumerate(self._mail.links)
            ],
            ignore_conflicts=True,
        )

    def _finish(self, thread: threading.Thread) -> None:
        """Waits for the engine's last words, writes them, gives back the rest, ends the run."""
        self._shared.done = self._shared.stop = True
        self._engine.wake()
        thread.join()
        outcomes = self._drain()
        # Marked, but the engine never asked for them.
        outcomes += [Outcome(mail.delivery_id, "queued", "", "") for mail in self._shared.ready]
        if outcomes:
            self._commit(outcomes, [])
        self._patiently(lambda: claiming.release(merchant=self.merchant, run=self._run))
        while self._patiently(lambda: announce_sent(self.merchant, self.campaign)):
            pass
        SendingRun.objects.filter(pk=self._run.pk, ended_at__isnull=True).update(ended_at=timezone.now())
