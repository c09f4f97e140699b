"""Mails that nobody sends by accident."""

from __future__ import annotations


def nested(levels: int) -> bytes:
    """A server's letter about li@example.com inside so many parts in one another."""
    parts = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(levels))
    head = "From: mailer-daemon@x.example\nTo: help@shop.example\nSubject: failure notice\n"
    return f"{head}{parts}Content-Type: text/plain\n\n<li@example.com>: 550 5.1.1 User unknown\n".encode()
