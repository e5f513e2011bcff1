"""Monitoring of a run: diagnosis, report and TensorBoard, all made from the run's folder.

    runs/<name>/log.jsonl -> log_statistics -> checks -> doctor -> report -> monitor
                                                           `-> doctor.json, for a service's GET /runs
                                                         charts -> report

`log.jsonl` and `samples/` are the source of truth; a run resumes without the
files that are written here. Read in this order:

    diversity        how diverse a sample sheet is
    near_share       how many of its pictures are copies; these two are what the run logger takes from here
    log_statistics   means, progress and time left, from a log
    checks           GAN checks (mode collapse, divergence, ...) and autoencoder checks -> findings
    window_checks    the last few hundred images of a run that trains -> findings, for healing
    doctor           findings -> a diagnosis in words, with advice
    charts           which curves a report shows, and their SVG
    page             HTML of a report
    report           diagnosis, curves, sample sheets and time-lapse on one page
    monitor          keeps report and TensorBoard up to date while a run trains
"""
