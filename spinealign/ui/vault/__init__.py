"""Who is at work in the window: signing in, locking, accounts, audit trail."""
