"""What a run, a build and the commands do when something breaks: `make faults`."""
