"""A run's checkpoint -> ONNX graphs -> a bundle, checked against torch."""
