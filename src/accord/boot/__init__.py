"""The boot: opens connections, flows and a server from the settings, and closes them in reverse order."""
