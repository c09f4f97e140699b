"""Routes of tasks and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from customers.todos import views

urlpatterns: list[URLPattern] = [
    staff_path("tasks/", views.task_list, name="task_list", needs="tasks.view"),
    staff_path("tasks/quick/", views.task_quick, name="task_quick", needs="tasks.edit"),
    staff_path("tasks/new/", views.task_new, name="task_new", needs="tasks.edit"),
    staff_path("tasks/<int:task_id>/", views.task_edit, name="task_edit", needs="tasks.edit"),
    staff_path("tasks/<int:task_id>/check/", views.task_check, name="task_check", needs="tasks.edit"),
    staff_path("tasks/<int:task_id>/delete/", views.task_delete_view, name="task_delete", needs="tasks.edit"),
    staff_path(
        "customers/<int:customer_id>/tasks/", views.customer_tasks, name="customer_tasks", needs="tasks.view"
    ),
    staff_path(
        "companies/<int:company_id>/tasks/", views.company_tasks, name="company_tasks", needs="tasks.view"
    ),
]
