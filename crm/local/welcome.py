"""What `make run` says when everything is up: where to look and how to sign in."""

import json

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


def sign_in_lines(stack: Stack) -> list[str]:
    """How to sign in to the demo shop, when this state folder holds one."""
    try:
        known = json.loads(stack.place.sign_ins_file.read_text())
    except (OSError, ValueError):
        return ["  Sign in      with an account of yours"]
    (first, role), *others = known["staff"]
    lines = [f"  Sign in      {first} ({role})   password {known['password']}"]
    names = ", ".join(email for email, _role in others)
    return [*lines, f"               the same password for {names}"]


def welcome_text(stack: Stack, *, seconds: float, ready: bool) -> str:
    lines = [""]
    if not ready:
        lines += ["  Not everything is ready yet; /readyz says what is missing.", ""]
    lines += [
        f"  Guanxi is up after {seconds:.1f} s.",
        "",
        f"  Open         {stack.env['PUBLIC_URL']}/",
        *sign_in_lines(stack),
        f"  Portal       {stack.env['PUBLIC_URL']}/portal/demo/   what a customer of the demo shop sees",
        f"  Mail         {stack.env['MAILBOX_URL']}   every mail that the product sends lands here",
        "",
        "  Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(lines)
