"""PICTURES -> BUNDLE: learns to draw from people's pictures. The only room that knows torch.

    pictures/ -> batches -> methods/ (networks/) -> loop -> export -> models/<name>/ -> judging/

Read in this order:

    presets      every setting of a run, and the named sets of them
    pictures/    pictures of any kind -> one uint8 array, with labels
    networks/    code -> picture, picture -> score or code
    methods/     the lecture's ways to learn; `gan` is the heart
    ema          the averaged networks, one of which is exported
    loop         the one loop, counted in images; `book`, `run` and `checkpoint` keep what it does
    watching/    the report of a run, its doctor, TensorBoard
    export       a checkpoint -> ONNX (`graphs`) -> a bundle
    rating/      people's grades -> which of the pictures to learn more from
    judging/     a bundle and real pictures -> scores in its card
    comparing/   several bundles side by side
    speed/       how fast a machine learns and draws
    commands/    `python -m training fit | judge | rehearse | compare | doctor | speed | race | export`
"""
