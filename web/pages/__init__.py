"""The pages for people: what they see, what they may, and who is logged in."""
