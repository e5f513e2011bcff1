"""A run's checkpoint -> ONNX graphs -> a bundle, compared with torch before it is written.

    run, checkpoint -> [exporter]: averages, record, graphs -> bundle -> models/<name>/ -> shrink

Called `exporter` because `training.export` is the function.
"""
