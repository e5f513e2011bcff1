"""The command line of this room: one file a command.

    a person -> [commands] -> everything else

Each parses, reports and hands over; none decides anything that is not an option.
"""
