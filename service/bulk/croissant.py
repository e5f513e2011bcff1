"""croissant.json: the data set for search engines and loaders, with what responsible use must know of it.

    manifest, card -> [croissant] -> croissant.json

The format is Croissant 1.1 [CROISSANT] with its extension for responsible AI
[RAI]; the package `mlcroissant` reads and validates it. It says in fields what
`data_card` says to people.

Papers:
    [CROISSANT]  Croissant Format Specification, version 1.1, MLCommons 2026.
    [RAI]        Croissant RAI Specification, version 1.0, MLCommons 2024.
"""

import json
from typing import Any

from models.card import Card
from service.bulk.data_card import licence_of, limits_of, origin_of, quality_of, title_of
from service.bulk.job import Job
from service.bulk.manifest import Manifest
from service.bulk.shards import layout_of
from service.encoders.marks import DIGITAL_SOURCE_TYPE

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_OURS = (
    "annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "excludes", "extract", "field",
    "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
    "parentField", "path", "readLines", "recordSet", "references", "regex", "repeated", "replace", "samplingRate",
    "sdVersion", "separator", "source", "subField", "transform", "unArchive", "value",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    **{name: f"cr:{name}" for name in _OURS},
}
_SHARDS, _PICTURES = "shards", "pictures"
_TYPES = {"seed": "cr:UInt64", "index": "cr:UInt64", "label": "cr:Int64"}


def croissant(manifest: Manifest, card: Card, date: str) -> bytes:
    """croissant.json of a data set.

    Args:
        date: on which it was made, as YYYY-MM-DD.
    """
    job = manifest.job
    document = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": f"{job.model}-{job.version}-{job.seed}",
        "description": f"{title_of(manifest)}. {origin_of(manifest, card)}",
        "license": licence_of(card),
        "url": f"urn:zoetrope:data:{manifest.digest}",
        "creator": {"@type": "sc:Organization", "name": "zoetrope sample", "url": "urn:zoetrope"},
        "datePublished": date,
        "version": "1.0.0",
        "keywords": ["synthetic", "image", job.model],
        "citeAs": f"{title_of(manifest)}, version {job.version}, seed {job.seed}",
        "isLiveDataset": False,
        **_responsible(manifest, card),
        "distribution": _distribution(manifest),
        "recordSet": [_record_set(job, card)],
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def _responsible(manifest: Manifest, card: Card) -> dict[str, Any]:
    """What responsible use must know: that it is synthetic, how it was made, and what it is good for."""
    job, training, leaks = manifest.job, card.training, card.scores.leaks
    command = f"zoetrope sample {job.model} --seed {job.seed}"
    agreement = "" if card.scores.class_agreement is None else f", which agrees with {card.scores.class_agreement:.1%}"
    labels = "The class that a picture was drawn as" if card.classes else "None: the pictures have no labels"
    return {
        "rai:dataCollection": f"{origin_of(manifest, card)} Drawn by {job.engine} from seed {job.seed}, indices "
        f"{job.start} to {job.start + job.n - 1}.",
        "rai:dataCollectionType": ["Synthetic"],
        "rai:hasSyntheticData": True,
        "rai:dataCollectionRawData": f"{training.data}, {training.data_images:,} pictures, "
        f"SHA-256 {training.data_digest}",
        "rai:dataPreprocessingProtocol": [
            "None."
            if job.filter is None
            else f"{manifest.dropped:,} pictures that {job.filter} takes for another class were left out."
        ],
        "rai:dataAnnotationProtocol": [f"{labels}{agreement if card.classes else ''}."],
        "rai:machineAnnotationTools": [f"{job.model} {job.version}"],
        "rai:dataUseCases": ["Training and testing classifiers; testing pipelines.", *quality_of(manifest, card)],
        "rai:dataLimitations": limits_of(card),
        "rai:dataBiases": [
            f"Those of {training.data}. Classes come "
            + ("equally often." if job.balance else "as often as they were asked for or as in training.")
        ],
        "rai:personalSensitiveInformation": [
            leaks.sentence if leaks else "Whether training pictures can be told was not measured."
        ],
        "rai:dataSocialImpact": "Pictures say that they are synthetic"
        + (f" ({DIGITAL_SOURCE_TYPE}); leave that mark in them." if job.marks else " here, and not in their files."),
        "rai:dataReleaseMaintenancePlan": "None is needed: the model draws the same pictures again.",
        "prov:wasGeneratedBy": {"@type": "prov:Activity", "prov:label": command},
        "prov:wasDerivedFrom": {"@id": f"urn:zoetrope:model:{job.model}:{job.version}"},
    }


def _distribution(manifest: Manifest) -> list[dict[str, Any]]:
    """The files: of tars each with its digest, of others as a set."""
    kind = manifest.job.kind
    if kind == "parquet":
        return [_file_set("application/x-parquet", "data/*.parquet")]
    if kind == "png":
        return [_file_set("image/png", "data/*.png")]
    tars = [
        {
            "@type": "cr:FileObject",
            "@id": one.file,
            "name": one.file,
            "contentUrl": one.file,
            "contentSize": f"{one.bytes} B",
            "encodingFormat": "application/x-tar",
            "sha256": one.sha256,
        }
        for one in manifest.shards
    ]
    inside = _file_set("application/octet-stream", "*.npy") if manifest.job.raw else _file_set("image/png", "*.png")
    return [*tars, {**inside, "containedIn": [{"@id": one["@id"]} for one in tars]}]


def _file_set(media_type: str, includes: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": _SHARDS,
        "name": _SHARDS,
        "encodingFormat": media_type,
        "includes": includes,
    }


def _record_set(job: Job, card: Card) -> dict[str, Any]:
    """The pictures as records: columns of Parquet, and of files their content and the index in their name."""
    if job.kind == "parquet":
        fields = [_column(name, card) for name in layout_of(job, card).columns]
        return _records(fields, "index")
    content = {"fileSet": {"@id": _SHARDS}, "extract": {"fileProperty": "content"}}
    name = {
        "fileSet": {"@id": _SHARDS},
        "extract": {"fileProperty": "filename"},
        "transform": {"regex": r"^(?:.*/)?0*([0-9]+)\.[a-z]+$"},
    }
    picture = _field("pixels", "sc:Text", content) if job.raw else _field("image", "sc:ImageObject", content)
    return _records([picture, _field("index", "cr:UInt64", name)], "index")


def _column(name: str, card: Card) -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": _SHARDS}, "extract": {"column": name}}
    if name == "image":
        return _field(name, "sc:ImageObject", {**source, "transform": {"jsonPath": "bytes"}})
    if name == "pixels":
        shape = card.image
        said = f"The bytes of uint8 ({shape.height}, {shape.width}, {shape.channels}): height, width, channels."
        return {**_field(name, "sc:Text", source), "description": said}
    field = _field(name, _TYPES[name], source)
    if name == "label":
        names = ", ".join(f"{at} {one.name}" for at, one in enumerate(card.classes or ()))
        field["description"] = f"The class that it was drawn as: {names}."
    return field


def _field(name: str, kind: str, source: dict[str, Any]) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"{_PICTURES}/{name}", "name": name, "dataType": kind, "source": source}


def _records(fields: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": _PICTURES,
        "name": _PICTURES,
        "key": {"@id": f"{_PICTURES}/{key}"},
        "field": fields,
    }
