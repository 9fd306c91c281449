"""The networks of Hilum: architecture, training and export, and the classifier that the worker uses."""
