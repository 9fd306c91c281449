"""How the lung network is trained and judged."""
