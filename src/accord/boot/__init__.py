"""The boot: settings become connections, flows and a server, and all of them stop in order."""
