"""A trainer: a process that takes what people ask a service for, trains it, and says how it goes.

    POST /trainer/take -> service_client -> loop -> rounds, runs -> plan -> models/<name>/
    POST /trainer/trainings/{id} <- lease <----------------------------+

    service_client   the service over HTTP, and its errors in two kinds: it is away, or it refuses
    lease            says every few seconds that the trainer lives, and hears whether it is to stop
    place            the folders of this machine: models, runs, and the pictures of a model
    rounds           a round of fine-tuning, by the functions of `finetune`
    runs             a run on a folder of pictures, by those of `fit`
    loop             asks for work, does it, and turns every error into a sentence

`training.cli.trainer` is the command. It knows the service by its routes alone and imports nothing of it.
"""
