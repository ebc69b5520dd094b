// Starts the service as a process.
