"""What comes in is checked before anything is sent."""
