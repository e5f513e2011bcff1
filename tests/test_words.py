"""The tree speaks plain words: archaic ones are counted, in every text that git tracks."""

import re
import subprocess
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
ARCHAIC = re.compile(r"\b(who{0}ever|some{0}body|no{0}body|sh{0}all|a{0}new)\b".format(""), re.IGNORECASE)
AT_MOST = 15
BINARY = {".png", ".onnx", ".safetensors", ".npy", ".gz"}


def test_archaic_words_are_rare():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name and name != "LICENSE"]
    texts = [path for path in paths if path.suffix not in BINARY and path.is_file()]
    found = Counter({str(path.relative_to(ROOT)): len(ARCHAIC.findall(path.read_text())) for path in texts})

    assert len(texts) > 200
    assert found.total() <= AT_MOST, found.most_common(10)
