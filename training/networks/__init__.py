"""The networks: a latent code becomes a picture, a picture becomes a score or a code.

    config -> geometry -> residual, dcgan -> gan -> autoencoder, reward -> methods, exporter

Read in this order:

    geometry       sizes of the stages between the coarsest cells and a picture
    gan            code -> picture (the generator), picture -> score (the discriminator), picture -> code (the encoder)
    residual       their bodies: residual blocks, the default
    dcgan          the same as in the lecture: strided convolutions
    autoencoder    an encoder, a decoder and the prior between them
    reward         picture -> the grade that a person would give

Letters: N pictures   Z latent size   C channels   H, W of the picture   h, w of a stage
"""
