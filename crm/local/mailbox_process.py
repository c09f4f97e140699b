"""The mailbox's own process: mail-devel, with every mail once more in the box that its page opens with.

mail-devel keeps a box for each recipient, which IMAP needs; who looks for "the mail" would have to know whose
box to open.
"""

import logging
import os
from datetime import UTC, datetime
from email.message import Message
from typing import Any

from mail_devel import __main__ as mail_devel
from mail_devel.mailbox import TestMailboxDict
from pymap.parsing.message import AppendMessage

EVERY_MAIL = "every-mail@guanxi.test"

_deliver = TestMailboxDict.append


async def deliver(boxes: TestMailboxDict, message: Message, flags: Any, mailbox: str = "INBOX") -> None:
    everything = await (await boxes.get(EVERY_MAIL)).get_mailbox("INBOX")  # made first, so listed first
    await _deliver(boxes, message, flags, mailbox)
    await everything.append(AppendMessage(str(message).encode(), datetime.now(UTC), flags))


def main() -> None:
    # It tells of every connection, and each mail is one; that would drown what the product says.
    logging.disable(logging.INFO)
    os.environ["MAIL_USER"] = EVERY_MAIL
    TestMailboxDict.append = deliver
    mail_devel.main()


if __name__ == "__main__":
    main()
