"""A run's checkpoint -> ONNX graphs -> a bundle, compared with torch before it is written.

    run, checkpoint -> [exporter]: record, graphs -> bundle -> models/<name>/

Called `exporter` because `training.export` is the function.
"""
