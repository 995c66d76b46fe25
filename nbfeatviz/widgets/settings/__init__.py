"""What the panel is set to, which more than one tab is about."""
