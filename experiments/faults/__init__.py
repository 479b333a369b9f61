"""What a run, a build and the commands do when something breaks: `make faults`.

Each module breaks one kind of thing, by running commands as a user does; nothing imports them.
"""
