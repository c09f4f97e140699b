"""The mail engine: pure Python, no Django, no database.

`compile.py` turns a Liquid + MJML template into static, already quoted-printable chunks and personal fields;
`smtp.py` drives N pipelined SMTP connections from one event loop and tells what became of each message.
Whoever calls them keeps the state (see `marketing/sending/`).
"""
