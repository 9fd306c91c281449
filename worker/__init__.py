"""The core: what the product does with a study, in terms of ports."""
