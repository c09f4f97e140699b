"""One worker at work on one campaign, for a while: three threads around a `Handover`.

The engine's thread renders and talks SMTP and needs no database. The caller's thread writes what came back
and nothing else, since only what is written makes room for the next mail. The supply's thread claims ahead,
beats and tells. Inside somebody's transaction (a test, a shell), where another connection would see nothing,
the caller's thread does the supply's work too.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import connection

from crm.accounts.models import Merchant
from crm.integrations.connecting import connection_of
from crm.lib.tenancy import merchant_scope
from marketing.engine.errors import BadAddress, RenderError
from marketing.engine.http import HttpEngine
from marketing.engine.smtp import Engine, Limits, Result, Server, Timeouts
from marketing.models import Campaign, Delivery, Link, SendingRun
from marketing.sending import claiming
from marketing.sending.breaker import Breaker
from marketing.sending.carriers import Carrier, MailByCarrier, TextByCarrier, carrier_of
from marketing.sending.claiming import Outcome
from marketing.sending.handover import Handover, Mail
from marketing.sending.patience import patiently
from marketing.sending.rendering import Renderer
from marketing.sending.supplying import Supply

log = structlog.get_logger()

# A task holds its worker this long at most; then it rings for the next one, so that others get their turn.
SLICE_SECONDS = 20.0
# Each thread is one open line to the carrier; theirs is the limit, not ours.
HTTP_THREADS = 8
# Outcomes are written together: as soon as this part of the window has come back, or after this time.
GATHER_PART = 4
GATHER_SECONDS = 0.002
IDLE_SECONDS = 0.1
# While the engine computes, the writer waits this long for its turn after each answer of the database.
# Python's own 5 ms would be most of the time between a mail server's answer and its being written.
SWITCH_SECONDS = 0.0005
SUPPLY_SECONDS = 0.02  # how often the supply looks whether it is asked


@dataclass
class Report:
    """What one slice did. `more` tells that something is left for later; `trouble` what the server said, and
    `permanent` that trying again does not help."""

    sent: int = 0
    outcomes: int = 0
    more: bool = False
    trouble: str = ""
    permanent: bool = False


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
        timeouts: Timeouts | None = None,
        give_up_seconds: float = 20.0,
    ) -> None:
        self.merchant, self.campaign = merchant, campaign
        self._until = time.monotonic() + slice_seconds
        self._handover = Handover(connections or settings.SMTP_CONNECTIONS)
        self._breaker = Breaker()
        self._report = Report()
        self._errors: list[Exception] = []
        self._run: SendingRun
        self._renderer: Renderer | MailByCarrier | TextByCarrier
        self._supply: Supply
        self._carrier = self._carrier_of(server)
        self._engine: Engine | HttpEngine
        if self._carrier is not None:
            self._engine = HttpEngine(
                self._carrier.send,
                pull=self._pull,
                report=self._take_results,
                threads=min(HTTP_THREADS, self._handover.window),
                stopped=lambda: self._handover.stop,
                may_begin=self._handover.may_begin,
            )
            return
        self._engine = Engine(
            server or server_from_settings(),
            pull=self._pull,
            report=self._take_results,
            # Each round of the loop reports at once: the writer groups them.
            limits=Limits(
                connections=self._handover.window, batch_seconds=0.0, give_up_seconds=give_up_seconds
            ),
            timeouts=timeouts or Timeouts(accept=settings.SMTP_ANSWER_SECONDS),
            stopped=lambda: self._handover.stop,
            may_begin=self._handover.may_begin,
        )

    def _carrier_of(self, server: Server | None) -> Carrier | None:
        """None for the SMTP server: mail of a shop that has connected no provider. Raises NoCarrier."""
        if not self.campaign.is_mail:
            with merchant_scope(self.merchant):
                return carrier_of(self.campaign.channel)
        if server is not None:
            return None
        with merchant_scope(self.merchant):
            connection = connection_of(self.campaign.channel)
        return Carrier(connection) if connection is not None else None

    def _renderer_of(self) -> Renderer | MailByCarrier | TextByCarrier:
        if self._carrier is None:
            return Renderer(self.merchant, self.campaign)
        if self.campaign.is_mail:
            return MailByCarrier(self.merchant, self.campaign, self._carrier)
        return TextByCarrier(self.campaign, self._carrier)

    def run(self) -> Report:
        """Blocks until the slice is over. Raises TemplateError, BadAddress, ValueError when the mail can't
        be made; an error of the program after everything was brought to its end."""
        with merchant_scope(self.merchant):
            self._renderer = self._renderer_of()
            self._note_links()
            self._run = SendingRun.objects.create(
                merchant=self.merchant, campaign=self.campaign, window=self._handover.window
            )
            self._supply = Supply(
                merchant=self.merchant,
                campaign=self.campaign,
                run=self._run,
                handover=self._handover,
                wake=self._engine.wake,
                until=self._until,
            )
            self._work()
        if self._errors:
            raise self._errors[0]
        return self._report

    def _work(self) -> None:
        alone = connection.in_atomic_block
        usual = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        threads = [self._thread(self._smtp_side, "smtp")]
        if not alone:
            threads.append(self._thread(self._supply_side, "supply"))
        try:
            self._write_side(step=self._supply.step if alone else None)
        finally:
            self._halt()
            for thread in threads:
                thread.join()
            sys.setswitchinterval(usual)
            self._finish()

    def _thread(self, work: Callable[[], None], name: str) -> threading.Thread:
        thread = threading.Thread(target=work, name=f"{name}-{self._run.pk}", daemon=True)
        thread.start()
        return thread

    def _halt(self) -> None:
        self._handover.stop = True
        self._engine.wake()

    # ---------------------------------------------------------------- SMTP side (its own thread)

    def _smtp_side(self) -> None:
        try:
            tally = self._engine.run()
            self._report.trouble, self._report.permanent = tally.trouble, tally.permanent
        except Exception as error:
            log.exception("the mail engine stopped", run=self._run.pk)
            self._errors.append(error)
        finally:
            self._handover.engine_over = True
            self._handover.written_bell.set()

    def _pull(self) -> Any:
        while isinstance(mail := self._handover.take(), Mail):
            try:
                return self._renderer.render(mail)
            except (RenderError, BadAddress, ValueError) as error:
                self._fail(mail, "bad_address" if isinstance(error, BadAddress) else "render", str(error))
            except Exception as error:  # one recipient's data must not stop a million others' mails
                log.exception("a mail can't be made", delivery=mail.row.delivery_id)
                self._fail(mail, "render", f"{type(error).__name__}: {error}")
        return mail

    def _fail(self, mail: Mail, reason: str, words: str) -> None:
        self._handover.give([Outcome(mail.row.delivery_id, "failed", reason, words)])

    def _take_results(self, results: Sequence[Result]) -> None:
        for result in results:
            if self._breaker.note(result, self._handover.domain_of(result.id)):
                self._handover.stop = True
        self._handover.give([claiming.outcome_of(result) for result in results])

    # ---------------------------------------------------------------- supply (its own thread and connection)

    def _supply_side(self) -> None:
        try:
            with merchant_scope(self.merchant):
                while not self._handover.engine_over:
                    if not self._supply.step():
                        time.sleep(SUPPLY_SECONDS)
        except Exception as error:
            log.exception("the supply of mails stopped", run=self._run.pk)
            self._errors.append(error)
        finally:
            self._halt()
            connection.close()

    # ---------------------------------------------------------------- writing (the caller's thread)

    def _write_side(self, step: Callable[[], bool] | None) -> None:
        handover = self._handover
        while True:
            over = handover.engine_over
            claimed = step() if step and not over else False
            if not claimed:
                handover.written_bell.wait(IDLE_SECONDS)
                self._gather()
            if outcomes := handover.outcomes():
                self._record(outcomes)
            elif over:
                return

    def _gather(self) -> None:
        """Waits a moment for company: a commit costs the same for one outcome and for ten."""
        handover = self._handover
        if 0 < handover.waiting() < handover.window // GATHER_PART and not handover.engine_over:
            time.sleep(GATHER_SECONDS)

    def _record(self, outcomes: Sequence[Outcome]) -> None:
        """Writes what came back; only then may as many others leave."""
        if not patiently(lambda: claiming.record(campaign=self.campaign, run=self._run, outcomes=outcomes)):
            self._handover.stop = True
            self._engine.wake()
        if self._handover.note_written(outcomes):
            self._engine.wake()
        self._supply.note_written([each.delivery_id for each in outcomes if each.state in TOLD])
        self._report.outcomes += len(outcomes)
        self._report.sent += sum(1 for each in outcomes if each.state == Delivery.State.SENT)

    def _note_links(self) -> None:
        Link.objects.bulk_create(
            [
                Link(merchant=self.merchant, campaign=self.campaign, number=number, target=target)
                for number, target in self._renderer.links
            ],
            ignore_conflicts=True,
        )

    def _finish(self) -> None:
        """Writes the engine's last words, gives back the rest, ends the run. What the database still calls
        being sent then is closed by what it says, whatever was forgotten here."""
        if outcomes := self._handover.outcomes():
            self._record(outcomes)
        if self._breaker.reason:
            self._report.trouble, self._report.permanent = self._breaker.reason, True
            patiently(lambda: claiming.take_back(run=self._run, delivery_ids=self._breaker.ids))
        self._supply.close()
        self._report.more = self._supply.more
        doubt = self._handover.in_doubt()
        returned, unknown = patiently(lambda: claiming.end(self._run, in_doubt=doubt))
        if returned or unknown:
            log.warning("a run left mails open", run=self._run.pk, returned=returned, unknown=unknown)


# Outcomes that somebody is told of (marketing/sending/telling.py).
TOLD = (Delivery.State.SENT.value, Delivery.State.FAILED.value)
