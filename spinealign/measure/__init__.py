"""Numbers from masks and landmarks; pure geometry."""
