"""Running cells side by side on this machine."""
