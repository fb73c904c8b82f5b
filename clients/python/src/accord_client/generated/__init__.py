"""Generated from openapi/bundle.json; never edited."""
