"""The mailbox: catches every mail of the embedded stack and shows it on a web page (mail-devel)."""

import sys

from crm.local.ports import LOOPBACK, Ports, answers
from crm.local.processes import Service


def service(ports: Ports, password: str, environment: dict[str, str]) -> Service:
    """SMTP without sign-in, one mailbox per recipient, IMAP with the password of the state folder."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "crm.local.mailbox_process",
        "--host",
        LOOPBACK,
        "--multi-user",
    ]
    command += ["--http-port", str(ports.mailbox)]
    command += ["--smtp-port", str(ports.smtp), "--imap-port", str(ports.imap)]
    return Service(
        "mailbox",
        command,
        {**environment, "MAIL_PASSWORD": password},
        ready=lambda: answers(ports.smtp) and answers(ports.mailbox),
        ready_within=30,
        stage=1,
    )
