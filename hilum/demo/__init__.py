"""The demo: bundled films take the whole way through a throw-away installation."""
