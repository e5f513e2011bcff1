"""BUNDLE -> HTTP: draws pictures on request, in dynamic batches. Never imports torch or training.

    models/<name>/ -> loader -> registry -> routes -> latents -> batching -> encoders -> HTTP

Read in this order:

    server         the BentoML service that `bentoml serve` runs, and why the API is mounted on it
    settings       every environment variable; `log` prints what the service says of itself
    protocol       limits of a connection below the app: headers, time, readers; `connections` counts them
    kernel_buffer  what the kernel still holds of an answer
    listening      uvicorn's server in a worker, on a socket that other workers may have too
    accepting      all connections that wait, many in one turn of the event loop; or a worker's share of them
    parent         the process that `bentoml serve` starts first: a worker that died or is stuck is replaced
    scoreboard     memory of all processes: how each worker is, and what it has counted
    siblings       one worker among those that share its port
    heartbeat      how the parent notices a worker that is stuck, and a worker that its engine thread hangs
    shutdown       SIGTERM: what is under way is finished, in time
    tracing        traces of requests (OpenTelemetry), where variables ask for them
    middleware     access, path, body-size and backpressure checks before routing
    compression    gzip for the page and for JSON without pictures
    access/        who may do what, and how much: keys, origins of web pages, limits, proxies
    app            the FastAPI app: what every route takes from it
    routes/        one `APIRouter` a file
    body           the JSON body of a request, parsed off the event loop where it is large
    validation     lists and fields in bounded time, and the first five errors
    schemas        requests and responses, with their bounds; `model_schemas` are those of models, `status_schemas`
                   those of GET /status
    latents        what a request asks to draw: an address range, or codes
    interpolation  codes between codes; `spacing` puts frames where they differ equally
    waypoints      the points of an interpolation as a URL spells them
    permanent_urls where a picture, a sheet or an interpolation is; `query_schemas` are the queries of these URLs
    enlargement    a picture at a size for people
    view_page      pages to share as HTML; `views` says what is on them
    collection     pictures of any addresses as one source after another
    tensors        codes and pictures as the Open Inference Protocol has them; `inference_schemas` are its types
    tools          what an agent may call; `mcp_server` and `mcp_command` speak the Model Context Protocol
    snapshot       the models at one moment: which name means which version
    refusal_log    what is refused, by reason, in a line a second at most
    refusals       why a bundle is not served, in words without paths
    fingerprint    what of this process decides pixels: equal where replicas agree
    loader         loads and warms up in the background, one model at a time
    registry       the models, and the batcher that draws with them
    reloader       bundles that change while the service runs
    bundle_zip     a bundle to take away, as one zip
    training_pictures
                   an index of training pictures, where a setting names one: is a drawn picture copied?
    batching       one queue and one engine thread: dynamic batching; `pending` is one request in it, and
                   `batch` what the engine draws of several at once
    draw_times     how long the engine takes, model by model
    formats        which format a response has
    encoders/      pixels -> PNG, JPEG, WebP with their marks; pictures -> zip, npy, JSON, piece by piece
    upload         a client's picture, bounded before it is decoded
    verification   is a picture ours? by drawing its recipe again; `verify_command` is `zoetrope verify`
    credentials    signed C2PA manifests of pictures, where settings name a key
    ratings/       people's grades
    training_runs/ training on this machine, from the files that it writes
    training_queue/
                   rounds of fine-tuning that people ask for, and that `zoetrope trainer` takes
    metrics        counters for Prometheus
    errors         every error as problem+json (RFC 9457)
    openapi        the OpenAPI document, completed; `openapi_responses` and `openapi_schemas` are parts of it
    static/        the pages at /, /models and /docs
    sample         `zoetrope sample`: pictures without a server; `sample_options` are its options
    bulk/          data sets of any size: shards that are pure functions of their address
    image          the container's image, for `bentoml build`
"""

import os
import sys

# OpenTelemetry's instrumentation of HTTP, which BentoML loads, decides once in a process what attributes are called.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray, which `bulk.cluster` imports, reports home by default

# BentoML reports home by default. Its command line has decided by the environment before it imports this package, and
# keeps the decision in a cache, which is cleared here.
if "BENTOML_DO_NOT_TRACK" not in os.environ:
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    if "bentoml._internal.utils.analytics.usage_stats" in sys.modules:
        from bentoml._internal.utils.analytics import usage_stats

        usage_stats.do_not_track.cache_clear()
