"""THE BUNDLE: what training makes and the service serves; all that the two share.

    pictures -> training -> [models] -> service -> HTTP

Read in this order:

    card        what a bundle says of itself
    bundle      a folder, whole or refused
    codes       the address of a picture -> its latent code
    engine      what runs a graph: onnxruntime_engine, openvino_engine; loading takes one by its name
    sizes       the few sizes of batches, and which of them is the best
    runtime     codes -> pixels
    measuring   which engine is fast, and near enough to the reference
    engines     measured once, written down, obeyed
    sheet       pixels -> a contact sheet
    errors      all that can go wrong

The bundles themselves live beside this code: `models/<name>/`. This room knows
neither torch nor BentoML, and imports nothing from the other rooms.
"""
