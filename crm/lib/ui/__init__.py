"""What the components are made of: formats, icons, parts. The tags are in crm/lib/templatetags/ui.py."""
