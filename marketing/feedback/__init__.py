"""What comes back of mail: bounces, complaints, and what carriers report; read, graded, taken, counted."""
