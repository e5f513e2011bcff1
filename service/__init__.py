"""BUNDLE -> HTTP: draws pictures on request, in batches, for anyone. Never imports torch or training.

    models/<name>/ -> registry -> routes -> HTTP

Read in this order:

    server      the BentoML service that `bentoml serve` runs, and why the API is mounted on it
    settings    every environment variable
    routes/     what is asked, what is answered
    api         the app that they are added to
    schemas     the shapes of questions and answers, with their bounds
    asked       what whoever draws must know of a question: address and walk say it
    grades/     what people think of pictures, kept
    collection  every model at one moment: which name means which version
    registry     the collection that is shown, each model with the engine that draws it best here
    order       some pictures that somebody waits for
    batcher     one queue of them, drawn in common batches by one thread
    renewal     bundles that come and go while it runs
    formats     which format an answer has
    encoders/   pixels -> PNG, JPEG, WebP; pictures -> zip, npy, JSON, piece by piece
    metrics     what it has done so far, for Prometheus
    problems    every error as problem+json (RFC 9457)
    perimeter   what is refused before anything looks at it
    page/       the page at /
"""
