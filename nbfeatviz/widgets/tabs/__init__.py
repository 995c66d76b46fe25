"""The tabs, a folder each: settings, view, controller, messages."""
