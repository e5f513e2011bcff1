"""The lecture's ways to learn a generator, one file each; all are the same thing to the loop.

    networks, batches -> [methods] -> loop

Read in this order:

    losses           what the players of the game try to minimise
    gan              a generator and a discriminator: the two updates, side by side
    reconstruction   autoencoder and denoising autoencoder
    variational      the variational autoencoder
    rated            going on from a model, with people's grades
    descent          one step of Adam down a loss
    method           what the loop asks of a method, and which there are
"""
