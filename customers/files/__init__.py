"""Files about customers and companies."""
