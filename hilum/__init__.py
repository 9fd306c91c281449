"""The front door: commands, settings, logging, and the one place where the rooms are wired together."""

__version__ = "0.1.0"
