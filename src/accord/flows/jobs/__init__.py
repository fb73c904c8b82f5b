"""Jobs, as their owners and operators see and change them; `accord.jobs` runs them."""
