"""Refusals that are not about the recipient: one sentence for everybody means that the server refuses *us*.

"554 5.7.1 Relay access denied" to a whole campaign would turn every row into `failed`. So when the same
answer has come again and again, to several domains and with nothing taken in between, the run stops and says
it.
"""

from __future__ import annotations

import re

from marketing.engine.smtp import Result, Status

# In a row, with an enhanced code (RFC 3463) that speaks of us, and without any.
ABOUT_US, UNCODED = 10, 100
DOMAINS = 3
_CODE = re.compile(r"[0-9]{3}[ -]5\.([0-9]{1,3})\.([0-9]{1,3})\b")
# Sender addresses (5.1.7, 5.1.8), the mail system (5.3), routing (5.4), protocol (5.5), policy (5.7).
_US = re.compile(r"1\.[78]|[3457]\.\d+")
_WHOM = re.compile(r"<[^>]*>|\S+@\S+|\d{4,}")


class Breaker:
    """`reason` is the server's sentence once it has tripped; `ids` the mails to send again then."""

    def __init__(self) -> None:
        self.reason = ""
        self.ids: list[int] = []
        self._sentence = ""
        self._domains: set[str] = set()
        self._streak: list[int] = []

    def note(self, result: Result, domain: str) -> bool:
        """Whether this result was the one too many."""
        if result.status is not Status.FAILED or result.code < 500 or self.reason:
            if result.status in (Status.SENT, Status.DEFERRED):
                self._forget("")
            return False
        sentence = _WHOM.sub("…", result.text)
        if sentence != self._sentence:
            self._forget(sentence)
        self._streak.append(result.id)
        self._domains.add(domain)
        about_us = _about_us(result.text)
        enough = ABOUT_US if about_us else UNCODED
        if about_us is False or len(self._streak) < enough or len(self._domains) < DOMAINS:
            return False
        self.reason = result.text
        # Without a code some of them may be dead addresses: they stay refused, or the run would never pass.
        self.ids = list(self._streak) if about_us else []
        return True

    def _forget(self, sentence: str) -> None:
        self._sentence, self._streak, self._domains = sentence, [], set()


def _about_us(text: str) -> bool | None:
    """Whether the enhanced code speaks of the sender, or None without one."""
    match = _CODE.match(text)
    return bool(_US.fullmatch(f"{match[1]}.{match[2]}")) if match else None
