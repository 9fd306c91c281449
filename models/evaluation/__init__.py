"""How a classifier is judged: figures with intervals, plots, the report."""
