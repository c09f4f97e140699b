"""What marketing takes of what comes in: reports of carriers, and bounces that reach the help desk."""

from crm.integrations.messengers.reports import MessageReport
from crm.integrations.registry import register
from marketing.feedback import refusals as _refusals  # noqa: F401 - registers itself with the sending
from marketing.feedback.mailbox import mail_take
from marketing.feedback.taking import take_report
from service.returned import on_returned

register(MessageReport, take_report)
on_returned(mail_take)
