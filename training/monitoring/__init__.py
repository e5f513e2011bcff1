"""Watching a run and helping it: all of it is made from the run's folder alone, and can be made again.

    runs/<name>/ (log, sheets, configuration) -> [watching] -> a person's eyes

`log.jsonl` and `samples/` are the truth; nothing here is needed to go on.
Read in this order:

    diversity   the one figure that the loop logs for this room: how different a sheet's pictures are
    course      a log, as a doctor reads it: means over parts of the run, time left
    sign        one thing that a doctor sees
    game        what a GAN's figures say
    fidelity    what an autoencoder's figures say
    doctor      all of it in words: how the run does, and what to change
    events      TensorBoard, written from the log
    curves      numbers -> a drawn curve (SVG)
    charts      which curves a report shows, and what a healthy one looks like
    timelapse   sheets -> one moving picture
    page        the looks of a report
    report      all of it on one page
    watch       keeps the report and the events up to date while a run trains
"""
