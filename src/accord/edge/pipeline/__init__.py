"""The way of a request between the server and the flow, compiled from the contract once, at start."""
