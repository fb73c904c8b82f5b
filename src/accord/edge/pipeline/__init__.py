"""What happens to a request between the server and the flow, compiled from the contract once."""
