"""What makes a demo shop worth looking at, told through the services that people use."""
