"""Identity: persons by subject id, their accounts sealed, their devices and sessions."""
