"""The sending rules and warm-up plans hold back what other apps write by themselves, as they do campaigns."""

from customers.registries import add_restraint
from marketing.pacing import restraining
from marketing.sending.checking import restraint_of

add_restraint(restraint_of)
add_restraint(restraining.restraint_of)
