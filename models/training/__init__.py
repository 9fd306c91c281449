"""How a classifier is trained, from labelled films to a package."""
