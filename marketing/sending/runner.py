"""One worker at work on one campaign, for a while.

The database side runs in the caller's thread: it claims up to a second's worth of mails ahead, and again and
again writes what came back. The SMTP side runs in a thread of its own and needs no database. Never more mails
than there are connections are with the server or back without a written outcome, so a death leaves at most
that many in doubt (marketing/sending/claiming.py).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import formatdate
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from customers.preferences.links import preferences_url
from marketing.engine.compile import BoundMail, CompiledMail, Envelope
from marketing.engine.errors import BadAddress, RenderError
from marketing.engine.headers import address
from marketing.engine.layout import LINKS_NAME, PIXEL_NAME
from marketing.engine.smtp import DONE, IDLE, Engine, Limits, Outgoing, Result, Server, Timeouts
from marketing.engine.smtp import Pull as PullAnswer
from marketing.models import Campaign, Delivery, Link, SendingRun
from marketing.sending import checking, claiming, content, tokens
from marketing.sending.claiming import Claimed, Outcome, Sent
from marketing.sending.context import contexts

log = structlog.get_logger()
T = TypeVar("T")

# A task holds its worker this long at most; then it rings for the next one, so that other mail gets its turn.
SLICE_SECONDS = 20.0
BEAT_SECONDS = 2.0
STATE_SECONDS = 0.3  # how often the campaign's state is looked at while nothing comes back
# What was claimed longer ago than this goes back and is checked anew before it leaves.
FRESH_SECONDS = 10.0
# Claims grow and shrink so that one lasts about a second.
CLAIM_SECONDS = 1.0
DATABASE_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Mail:
    """A claimed row with what rendering it needs."""

    row: Claimed
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
    handed: int = 0  # given to the SMTP side and without a written outcome
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


class Runner:
    """Sends a campaign until nothing is due, the slice is over, or somebody paused it."""

    def __init__(
        self,
        *,
        merchant: Merchant,
        campaign: Campaign,
        server: Server | None = None,
        connections: int | None = None,
        slice_seconds: float = SLICE_SECONDS,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    ) -> None:
        self.merchant, self.campaign = merchant, campaign
        self.connections = connections = connections or settings.SMTP_CONNECTIONS
        self._until = time.monotonic() + slice_seconds
        self._shared = _Shared()
        self._stride = connections  # how many the next claim takes
        self._claimed_at = 0.0
        self._marked_at = timezone.now()
        self._dry = False  # nothing was due when last asked
        self._untold: list[Sent] = []
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
            self._run = SendingRun.objects.create(
                merchant=self.merchant, campaign=self.campaign, window=self.connections
            )
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
        shared = self._shared
        while True:
            with shared.lock:
                if shared.stop or (shared.done and not shared.ready):
                    return DONE
                if not shared.ready or shared.handed >= self.connections:
                    return IDLE
                mail = shared.ready.popleft()
                shared.handed += 1
            try:
                return self._render(mail)
            except (RenderError, BadAddress, ValueError) as error:
                reason = "bad_address" if isinstance(error, BadAddress) else "render"
                failed = Outcome(mail.row.delivery_id, "failed", reason, str(error)[:500])
                with shared.lock:
                    shared.outcomes.append(failed)
                shared.bell.set()

    def _render(self, mail: Mail) -> Outgoing:
        row = mail.row
        to = address(row.address)
        leave = tokens.unsubscribe_url(row.delivery_id)
        choose = preferences_url(mail.context["customer"]["id"], self.merchant, row.address)
        context = {**mail.context, content.UNSUBSCRIBE: leave, content.PREFERENCES: choose}
        if self.campaign.tracks:
            context[LINKS_NAME] = [
                tokens.click_url(row.delivery_id, number) for number in range(len(self._mail.links))
            ]
            context[PIXEL_NAME] = tokens.open_url(row.delivery_id)
        envelope = Envelope(
            message_id=row.message_id,
            to_email=row.address,
            date=formatdate(usegmt=False),
            to_name=mail.context["customer"]["name"],
            unsubscribe_url=leave,
        )
        data = self._bound.render(context, envelope)
        return Outgoing(row.delivery_id, self._bound.mail_from, to.email, data, utf8=to.utf8)

    def _take_results(self, results: Sequence[Result]) -> None:
        with self._shared.lock:
            self._shared.outcomes.extend(claiming.outcome_of(result) for result in results)
        self._shared.bell.set()

    # ---------------------------------------------------------------- database side (the caller's thread)

    def _database_side(self) -> None:
        while True:
            self._look_up()
            outcomes = self._drain()
            if outcomes:
                self._record(outcomes)
            claimed = self._wants_more() and self._claim()
            if self._is_over():
                return
            if not outcomes and not claimed:
                self._shared.bell.wait(0.1)

    def _drain(self) -> list[Outcome]:
        self._shared.bell.clear()
        with self._shared.lock:
            outcomes, self._shared.outcomes = self._shared.outcomes, []
        return outcomes

    def _record(self, outcomes: Sequence[Outcome]) -> None:
        """Writes what came back; only then may as many others be handed over."""
        alive, sent = self._patiently(
            lambda: claiming.record(campaign=self.campaign, run=self._run, outcomes=outcomes)
        )
        self._untold += sent
        if not alive:
            self._stop()
        with self._shared.lock:
            self._shared.handed -= len(outcomes)
        self._engine.wake()
        self._report.outcomes += len(outcomes)
        self._report.sent += sum(1 for outcome in outcomes if outcome.state == Delivery.State.SENT)

    def _wants_more(self) -> bool:
        """Whether what lies ready won't last, or has lain too long."""
        shared = self._shared
        if shared.stop or shared.engine_over:
            return False
        if shared.ready and time.monotonic() - self._claimed_at > FRESH_SECONDS:
            self._stride = self.connections
            self._give_back()
        if self._dry and shared.handed:
            return False  # what comes back last ends the slice; the next one looks again
        return len(shared.ready) <= self._stride // 4

    def _claim(self) -> bool:
        """Claims and reads the next; False when there was nothing, or no time is left for more."""
        now = time.monotonic()
        if now > self._until:
            self._report.more = self._dry = True
            return False
        if self._claimed_at:
            pace = CLAIM_SECONDS / max(now - self._claimed_at, 0.001)
            self._stride = int(min(claiming.CLAIM, max(self.connections, self._stride * min(pace, 4.0))))
        self._marked_at = max(timezone.now(), self._marked_at + timedelta(microseconds=1))
        rows = self._patiently(
            lambda: claiming.claim(
                merchant=self.merchant,
                campaign=self.campaign,
                run=self._run,
                policy=self._policy,
                at=self._marked_at,
                limit=self._stride,
            )
        )
        self._claimed_at, self._dry = time.monotonic(), not rows
        if rows:
            known = contexts(merchant=self.merchant, customer_ids=[row.customer_id for row in rows])
            with self._shared.lock:
                self._shared.ready.extend(Mail(row, known[row.customer_id]) for row in rows)
            self._engine.wake()
        return bool(rows)

    def _is_over(self) -> bool:
        shared = self._shared
        with shared.lock:
            if shared.outcomes:
                return False
            if shared.engine_over:
                return True
            if shared.handed or not (shared.stop or (self._dry and not shared.ready)):
                return False
            shared.done = True
        self._engine.wake()
        return True

    def _give_back(self) -> None:
        """Claimed, but the SMTP side never asked for them."""
        with self._shared.lock:
            ids = [mail.row.delivery_id for mail in self._shared.ready]
            self._shared.ready.clear()
        self._dry = False
        if ids:
            self._patiently(
                lambda: claiming.give_back(campaign=self.campaign, run=self._run, delivery_ids=ids)
            )

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
            self._tell()

    def _tell(self) -> None:
        if sent := self._untold:
            self._untold = []
            self._patiently(lambda: claiming.tell(campaign=self.campaign, run=self._run, sent=sent))

    def _stop(self) -> None:
        if not self._shared.stop:
            self._shared.stop = True
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
        if outcomes := self._drain():
            self._record(outcomes)
        self._give_back()
        self._tell()
        SendingRun.objects.filter(pk=self._run.pk, ended_at__isnull=True).update(ended_at=timezone.now())
