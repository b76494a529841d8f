"""How requests come in: a door a file. Each ends at the same types, so that what is inside knows no transport."""
