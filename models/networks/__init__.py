"""The networks themselves: what they are made of, their weights, and how they are exported."""
