"""What operators do: create, clean up, back up, verify, hand out roles."""
