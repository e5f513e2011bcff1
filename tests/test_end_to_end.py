"""Pictures in, pictures out: fit, export, serve, and look at what comes back."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from support.serving import started


def test_a_service_draws_the_digits_that_were_learned(learned_digits: Path, tmp_path: Path):
    """Nearly all are as near to a real digit as real digits are to each other, and no class is missing."""
    with started(learned_digits, tmp_path / "log") as server:
        server.wait_for("/readyz")
        status, body = server.generate('{"model": "digits", "n": 1000, "seed": 7, "format": "npy"}')
        sheet = Image.open(io.BytesIO(server.generate('{"model": "digits", "n": 64, "seed": 7}')[1]))
    assert status == 200
    assert sheet.size == (8 * 10 - 2, 8 * 10 - 2)

    drawn = np.load(io.BytesIO(body)).reshape(1000, 64) * (16 / 255)
    real, labels = load_digits(return_X_y=True)
    classifier = KNeighborsClassifier(3).fit(real[:900], labels[:900])
    distance_real = classifier.kneighbors(real[900:])[0][:, 0]
    distance_drawn = classifier.kneighbors(drawn)[0][:, 0]
    share_of_class = np.bincount(classifier.predict(drawn), minlength=10) / 1000
    assert (distance_drawn < np.quantile(distance_real, 0.99)).mean() > 0.85
    assert share_of_class.min() > 0.02
    assert share_of_class.max() < 0.25
    assert len(np.unique(drawn, axis=0)) == 1000
