"""What `gmn` runs, and scripts that run it from a checkout; nothing of the library needs it."""
