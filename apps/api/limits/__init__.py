"""What keeps one caller's haste from becoming everybody's wait: rates, shares, and a gate before Django."""
