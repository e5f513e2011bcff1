"""The peers: what a user would otherwise put together, each as its framework's own documentation has it.

    servers -> [peers], each a server of its own -> HTTP

Every one of them draws with the same file and the same number of threads, in one
process, and answers `POST /generate {"n", "seed"?, "format"?}`:

    request          the request of those with FastAPI
    drawing          onnxruntime for the images; PNG, contact sheet, zip and npy with Pillow and the standard library
    fastapi_onnx     FastAPI, onnxruntime, Pillow
    fastapi_torch    FastAPI, PyTorch, Pillow: the same network as an nn.Module
    bentoml_array    BentoML's own API, which answers with the array
    litserve_onnx    LitServe, with its own batching
    bare_route       a FastAPI route that draws nothing: what HTTP alone costs
    bare_mounted     the same route on a BentoML service: what BentoML costs

These files are short on purpose: each is a whole server in a process of its own, and
imports no framework but the one that it measures.

Knows nothing of ours but the bundle's `generator.onnx`, by the path in PEER_GENERATOR.
"""
