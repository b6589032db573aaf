"""What answers requests: each handler takes a group of requests and gives one reply for each, in order."""
