"""What customers hang into their own page, and the pages that events lead to."""

from django.utils.translation import gettext_lazy as _

from customers.companies.registries import add_company_panel
from customers.registries import Action, Panel, SubjectPage, add_action, add_panel, add_subject_page

add_panel(Panel("customer_companies", _("Companies"), "companies.view", order=15, topics=("customer:{id}",)))
add_panel(Panel("customer_tasks", _("Tasks"), "tasks.view", order=10, topics=("customer:{id}",)))
add_company_panel(
    Panel("company_tasks", _("Tasks"), "tasks.view", order=10, topics=("customers.company:{id}",))
)
add_panel(Panel("customer_files", _("Files"), "customers.pii", order=60, topics=("customer:{id}",)))
add_company_panel(
    Panel("company_files", _("Files"), "customers.pii", order=60, topics=("customers.company:{id}",))
)
add_subject_page("customers.company", SubjectPage("company_record", "companies.view"))
add_panel(
    Panel(
        "customer_duplicates",
        _("Looks like somebody you know"),
        "customers.view",
        order=5,
        topics=("customer:{id}",),
    )
)
add_panel(
    Panel("customer_merges", _("Merged records"), needs="customers.view", order=95, topics=("customer:{id}",))
)
add_action(Action("customer_data", _("Hand over their data"), "file-download", "customers.export", order=95))
add_action(Action("customer_merge_find", _("Merge with…"), "arrows-join", needs="customers.merge", order=90))
add_action(
    Action("audit_log", _("Who saw this?"), "eye", needs="audit.view", order=95, query=True, also="sort=seen")
)
