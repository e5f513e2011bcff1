"""The peers: what a user would otherwise put together, each as its framework's own documentation has it.

    bench -> [peers], each a server of its own -> HTTP

Every one of them draws with the same file and the same number of threads, in one
process, and answers `POST /generate {"n", "seed"?, "format"?}`. Read in this order:

    files            pixels -> PNG, contact sheet, zip, npy, JSON, with Pillow and the standard library
    generator        the ONNX file in onnxruntime, as its documentation loads one
    network          the same network as an nn.Module
    question         what those with FastAPI may be asked
    fastapi_onnx     FastAPI, onnxruntime, Pillow
    fastapi_torch    FastAPI, PyTorch, Pillow
    bentoml_array    BentoML's own API, which answers with the array
    litserve_onnx    LitServe, with its own batching
    bare_route       a FastAPI route that draws nothing: what HTTP alone costs
    bare_mounted     the same route on a BentoML service: what BentoML costs

Knows nothing of ours but the bundle's `generator.onnx`, by the path in PEER_GENERATOR.
"""
