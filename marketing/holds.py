"""The sending rules hold back what other apps write by themselves, as they do campaigns."""

from customers.registries import add_restraint
from marketing.sending.checking import restraint_of

add_restraint(restraint_of)
