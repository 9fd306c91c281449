"""Pictures made up on the way: what the lung network must refuse."""
