"""Rounds of fine-tuning and runs that people ask for on the page, and that a process with torch takes and trains.

    POST /rounds -> queue -> the database of grades <- queue <- POST /trainer/take (`zoetrope trainer`)

    training   the types: what is asked for, its state, and the errors; imports no database library
    queue      one at a time, durable, leased to the trainer that took it
    schemas    bodies and answers of the routes of rounds and trainers, with their bounds; `run_schemas` those of runs

    queue -> training <- schemas

The service trains nothing and imports no torch: it keeps what is asked for, and what a trainer says of it.
"""
