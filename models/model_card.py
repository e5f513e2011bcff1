"""The model card: README.md of a bundle on the Hub, for people, and a header in YAML that the Hub reads.

    card.json -> [model_card] -> hub; service/bulk says the same of a data set

Generated from the card alone: how the model was trained, how good its pictures are,
what they are worth to a classifier, and under which licences the model and its
training pictures are. What was never measured or told is said to be so. Values in
the header are JSON, which is YAML too.
"""

import json
from typing import Any

from models.card import Card

README = "README.md"
KNOWN_LICENCES = {
    one.lower(): one
    for one in (
        "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0",
        "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "GPL-3.0", "MIT", "ODbL-1.0", "PDDL-1.0",
    )
}  # fmt: skip
"""In lower case as the Hub has them -> as SPDX has them."""


def model_card(card: Card, address: str, licence: str | None = None) -> str:
    """README.md of a model.

    Args:
        address: where it will be, `hf://owner/name`.
        licence: of the model, as the Hub writes it; None: it was not told.
    """
    header = "\n".join(
        f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in _header(card, licence).items()
    )
    parts = [
        f"---\n{header}\n---",
        f"# {card.name}",
        f"A generator ({card.method}) that draws {_shape(card)} pictures, trained on {card.training.data_images:,} "
        f"pictures ({card.training.data}) and exported to ONNX. **What it draws is synthetic**, and every file that "
        "Zoetrope writes of it says so.",
        "![64 pictures of seed 0](samples.png)",
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in _facts(card))]),
        "## Draw",
        _drawing(card, address),
        "## Quality",
        "\n\n".join(quality_of(card)),
        "## Limits",
        limit_of(card),
        "## Licences",
        f"Of the model: {licence or 'not told by who published it'}.",
        f"Of the training pictures: {card.training.licence or 'not told in the card of the model'}. See what that asks "
        "of works made with them.",
    ]
    return "\n\n".join(parts) + "\n"


def quality_of(card: Card) -> list[str]:
    """What was measured of the model's pictures, in sentences."""
    scores, said = card.scores, []
    if scores.fd_ratio is None:
        said.append("The pictures of this model were not scored (`zoetrope evaluate`).")
    else:
        said.append(
            f"FD ratio {scores.fd_ratio:.3g} (evaluator {scores.evaluator}, {scores.images or 0:,} pictures): "
            "1 means that the evaluator cannot tell them from real ones."
        )
    if scores.precision is not None and scores.recall is not None:
        said.append(
            f"Precision {scores.precision:.3f}, recall {scores.recall:.3f} (real pictures: "
            f"{scores.precision_floor or 0:.3f}, {scores.recall_floor or 0:.3f})."
        )
    if scores.class_agreement is not None:
        said.append(f"The evaluator takes {scores.class_agreement:.1%} of them for the class that they were drawn as.")
    worth, leaks = scores.usefulness, scores.leaks
    said.append(
        f"Worth to a classifier: learned from as many drawn pictures as real ones, it reads {worth.drawn.value:.1%} of "
        f"real test pictures, and {worth.real.value:.1%} when it learned from real ones. {worth.sentence}"
        if worth
        else "What they are worth to a classifier was not measured."
    )
    said.append(leaks.sentence if leaks else "Whether they give training pictures away was not measured.")
    return said


def limit_of(card: Card) -> str:
    """What its pictures are not good for, in words."""
    return (
        f"The model draws what it learned from {card.training.data}, with the gaps and the biases of those pictures, "
        "and adds errors of its own. A classifier that learned from drawn pictures alone must be tested on real ones."
    )


def licence_header(licence: str | None) -> dict[str, str]:
    """The fields of a licence in the header: one that the Hub knows, another by its name, or none that is known."""
    known = licence_id(licence)
    if known or licence is None:
        return {"license": known or "unknown"}
    return {"license": "other", "license_name": licence}


def licence_id(licence: str | None) -> str | None:
    """A licence as the Hub writes it, where it is a known one."""
    found = (licence or "").lower()
    return found if found in KNOWN_LICENCES else None


def _header(card: Card, licence: str | None) -> dict[str, Any]:
    return {
        **licence_header(licence),
        "library_name": "zoetrope",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["image-generation", "onnx", "synthetic", "zoetrope", card.method],
    }


def _shape(card: Card) -> str:
    return f"{card.image.height} x {card.image.width} x {card.image.channels}"


def _facts(card: Card) -> list[tuple[str, str]]:
    training = card.training
    classes = ", ".join(one.name for one in card.classes or ())
    facts = [
        ("version", f"`{card.version}`: changes when, and only when, its pictures do"),
        ("code", f"{card.code_size} numbers, standard normal"),
        ("classes", (classes if len(classes) <= 500 else f"{len(card.classes or ()):,} of them") or "none"),
        ("trained on", f"{training.data_images:,} pictures, {training.images_shown:,} shown, seed {training.seed}"),
    ]
    if card.lineage is not None:
        facts.append(
            ("fine-tuned from", f"version `{card.lineage.parent}`, by {card.lineage.grades:,} people's grades")
        )
    if training.parent is not None:
        facts.append(("begun from", f"{training.parent.name} `{training.parent.version}` ({training.parent.data})"))
    return facts


def _drawing(card: Card, address: str) -> str:
    shape = ", ".join(map(str, (64, card.image.height, card.image.width, card.image.channels)))
    return (
        "```python\nfrom models import open_model\n\n"
        f'images = open_model("{address}").generate(seed=7, n=64)  # uint8 ({shape})\n```\n\n'
        f"`zoetrope pull {address}` puts it into a folder of models, where a service serves it. Every picture has an "
        "address (version, seed, index) and is the same bytes every time; a file whose SHA-256 is not that in "
        "`card.json` is refused."
    )
