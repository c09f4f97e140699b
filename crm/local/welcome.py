"""What `make run` says when everything is up: where to look and how to sign in."""

from crm.local.ports import LOOPBACK
from crm.local.stack import Stack


def services_text(stack: Stack) -> str:
    return "\n".join(
        [
            "",
            f"  PostgreSQL   {stack.env['DATABASE_URL']}",
            f"  Redis        {stack.env['REDIS_URL']}",
            f"  mailbox      {stack.env['MAILBOX_URL']}   (SMTP {LOOPBACK}:{stack.ports.smtp})",
            "",
            '  In another terminal: make manage ARGS="…".  Ctrl-C stops them.',
            "",
        ]
    )


def welcome_text(stack: Stack, *, seconds: float, ready: bool) -> str:
    lines = [""]
    if not ready:
        lines += ["  Not everything is ready yet; /readyz says what is missing.", ""]
    lines += [
        f"  Guanxi is up after {seconds:.1f} s.",
        "",
        f"  Open         {stack.env['PUBLIC_URL']}/",
        f"  Mail         {stack.env['MAILBOX_URL']}   every mail that the product sends lands here",
        "",
        "  Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(lines)
