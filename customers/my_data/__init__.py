"""My data (GDPR Art. 15 and 20, PIPL Art. 45): all about one person as a zip, to read and for programs."""
