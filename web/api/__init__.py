"""What the pages show and do, for programs with a token of an account; in JSON, below /api/v1."""
