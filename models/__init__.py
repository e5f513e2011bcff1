"""THE BUNDLE: what training makes and the service serves; all that the two share.

    pictures -> training -> [models] -> service -> HTTP

Read in this order: `card` (what a bundle says of itself), `bundle` (a folder,
whole or refused), `codes` (the address of a picture), `engine` (what runs a
graph, with `onnxruntime_engine` and `openvino_engine` behind it), `runtime`
(codes to pixels), `measuring` (which engine is the best) and `engines` (written
down and obeyed), `sheet` (pixels to a contact sheet), `errors` (all that can go
wrong).

The bundles themselves live beside this code: `models/<name>/`. This room knows
neither torch nor BentoML, and imports nothing from the other rooms.
"""
