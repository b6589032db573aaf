"""HTTP as clients of batch APIs need it: bounded in time and size, honest about what may have happened."""
