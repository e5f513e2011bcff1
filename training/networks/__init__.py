"""The networks: a code becomes a picture, a picture becomes a score or a code.

    presets -> [networks] -> methods

Read in this order:

    geometry       sizes of the stages between the coarsest cells and a picture
    generator      code -> picture
    observers      picture -> score (the discriminator), picture -> code (the encoder)
    residual       bodies of the two kinds: residual blocks, the default
    dcgan          the same as in the lecture: strided convolutions
    autoencoder    an encoder, a decoder and what is between them
    reward         picture -> the grade that a person would give
    mixture        codes of a Gaussian mixture from standard normal ones

Letters: N pictures   Z numbers in a code   C channels   H, W of the picture   h, w of a stage
"""
