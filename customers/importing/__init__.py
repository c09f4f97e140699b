"""Files of customers: who they are, what recognises them, what they allowed."""
