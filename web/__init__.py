"""The web server: the only room that knows HTTP."""
