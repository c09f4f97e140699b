"""The page of tasks, the card on customers and companies, and the form in the side panel."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.lib.errors import Rejected
from crm.lib.ids import row_id
from crm.lib.ui.parts import Tab
from customers.companies.selectors import company_for
from customers.forms import errors_to_form
from customers.models import Company, Customer, Task
from customers.selectors import customer_for
from customers.todos import selectors
from customers.todos.forms import QuickTaskForm, TaskForm, initial_of, refused
from customers.todos.selectors import VIEWS, rows_of, task_for, tasks_about
from customers.todos.services import task_add, task_change, task_delete, task_done, task_reopen


def _tabs(view: str) -> list[Tab]:
    labels = (
        *(_("Mine"), _("My team's"), _("Overdue"), pgettext("tasks", "Today"), _("This week")),
        *(pgettext("tasks", "Everybody's"), pgettext("tasks", "Done")),
    )
    url = reverse("task_list")
    return [
        Tab(label, f"{url}?view={name}" if name != "mine" else url, name == view)
        for name, label in zip(VIEWS, labels, strict=True)
    ]


def _view(request: StaffRequest) -> str:
    view = request.GET.get("view", "")
    return view if view in VIEWS else "mine"


@require_safe
def task_list(request: StaffRequest) -> HttpResponse:
    """The tasks of one view; for htmx the table, and with a cursor only the next rows."""
    view, after = _view(request), request.GET.get("after", "")
    with timezone.override(request.membership.zone):
        return _task_list(request, view, after)


def _task_list(request: StaffRequest, view: str, after: str) -> HttpResponse:
    found = selectors.task_list(membership=request.membership, view=view, after=after)
    query = urlencode({"view": view, "after": found.page.after})
    context = _common(request) | {
        "rows": found.rows,
        "view": view,
        "more": f"{request.path}?{query}" if found.page.after else "",
    }
    if request.headers.get("HX-Request") == "true":
        fragment = "_task_rows.html" if after else "_task_list_results.html"
        return render(request, f"todos/{fragment}", context)
    context |= {"tabs": _tabs(view), "quick": QuickTaskForm(member=request.membership)}
    return render(request, "todos/task_list.html", context)


def _common(request: StaffRequest) -> dict[str, Any]:
    return {"may_edit": request.membership.can("tasks.edit")}


@require_POST
def task_quick(request: StaffRequest) -> HttpResponse:
    """One line from the page of tasks."""
    form = QuickTaskForm(request.POST, member=request.membership)
    if not form.is_valid():
        raise Rejected(_("Say what is to be done."), fields={"title": [_("Say what is to be done.")]})
    task_add(merchant=request.merchant, creator=request.membership, **form.values())
    return redirect(f"{reverse('task_list')}?view={_view(request)}")


def task_new(request: StaffRequest) -> HttpResponse:
    """The whole form in the side panel, about `?customer=` or `?company=`; a POST makes the task."""
    about = _about(request)
    form = TaskForm(request.POST or None, member=request.membership, initial={"priority": 1, "interval": 1})
    if request.method == "POST" and form.is_valid():
        try:
            task_add(merchant=request.merchant, creator=request.membership, **about, **form.values())
        except Rejected as error:
            errors_to_form(form, refused(error), error.message)
        else:
            return _done(request, _("It's on the list."))
    query = urlencode({name: row.pk for name, row in about.items() if row is not None})
    url = f"{reverse('task_new')}?{query}" if query else reverse("task_new")
    return _panel_form(request, form, url, None)


def task_edit(request: StaffRequest, task_id: int) -> HttpResponse:
    task = task_for(membership=request.membership, task_id=task_id)
    form = TaskForm(
        request.POST or None, member=request.membership, initial=initial_of(task, request.membership)
    )
    if request.method == "POST" and form.is_valid():
        try:
            task_change(task=task, **form.values())
        except Rejected as error:
            errors_to_form(form, refused(error), error.message)
        else:
            return _done(request, _("Saved."))
    return _panel_form(request, form, reverse("task_edit", args=[task.pk]), task)


@require_POST
def task_check(request: StaffRequest, task_id: int) -> HttpResponse:
    """Done, or with `undo` still to do; answers the row."""
    task = task_for(membership=request.membership, task_id=task_id)
    if request.POST.get("undo"):
        task_reopen(task=task)
    else:
        task_done(task=task, by=request.membership)
    task = task_for(membership=request.membership, task_id=task_id)
    row = rows_of([task], request.membership)[0]
    with timezone.override(request.membership.zone):
        shape = "_task_item.html" if request.GET.get("shape") == "item" else "_task_row.html"
        return render(request, f"todos/{shape}", _common(request) | {"row": row})


@require_POST
def task_delete_view(request: StaffRequest, task_id: int) -> HttpResponse:
    task_delete(task=task_for(membership=request.membership, task_id=task_id))
    return _done(request, _("The task is deleted."))


def _done(request: StaffRequest, text: str) -> HttpResponse:
    """The panel closes; lists of tasks on the page fetch themselves anew."""
    response = HttpResponse(status=204)
    response["HX-Trigger"] = json.dumps(
        {"closeDialog": True, "tasksChanged": True, "toast": {"text": text, "tone": "good"}}
    )
    return response


def _panel_form(request: StaffRequest, form: TaskForm, url: str, task: Task | None) -> HttpResponse:
    context = {"form": form, "url": url, "task": task}
    return render(request, "todos/_task_form.html", context, status=422 if form.errors else 200)


def _about(request: StaffRequest) -> dict[str, Any]:
    """Whom the address names, if the member may see them."""
    customer, company = (row_id(request.GET.get(name, "")) for name in ("customer", "company"))
    member = request.membership
    return {
        "customer": customer_for(membership=member, customer_id=customer) if customer is not None else None,
        "company": company_for(membership=member, company_id=company) if company is not None else None,
    }


# --- cards --------------------------------------------------------------------------------------------------


def customer_tasks(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The card of the customer page; a POST adds one line."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    return _card(request, "customer", customer, reverse("customer_tasks", args=[customer.pk]))


def company_tasks(request: StaffRequest, company_id: int) -> HttpResponse:
    """The card of the company page; a POST adds one line."""
    company = company_for(membership=request.membership, company_id=company_id)
    return _card(request, "company", company, reverse("company_tasks", args=[company.pk]))


def _card(request: StaffRequest, kind: str, row: Customer | Company, url: str) -> HttpResponse:
    member = request.membership
    about: dict[str, Any] = {kind: row}
    form, status = QuickTaskForm(member=member), 200
    if request.method == "POST":
        if not member.can("tasks.edit"):
            raise Rejected(_("You may look at tasks, not make them."), code="forbidden")
        form = QuickTaskForm(request.POST, member=member)
        if form.is_valid():
            task_add(merchant=request.merchant, creator=member, **about, **form.values())
            form = QuickTaskForm(member=member)
        status = 422 if form.errors else 200
    rows = tasks_about(membership=member, **about)
    context = _common(request) | {
        "rows": rows,
        "form": form,
        "url": url,
        "new_url": f"{reverse('task_new')}?{kind}={row.pk}",
    }
    with timezone.override(member.zone):
        return render(request, "todos/_tasks_card.html", context, status=status)
