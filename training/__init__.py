"""PICTURES -> BUNDLE: trains generators on people's pictures. The only room that knows torch.

    data -> networks, methods -> train -> exporter -> models/<name>/ -> evaluation
                                   ^
                    feedback ------+        people's grades, for fine-tuning

    from training import evaluate, export, finetune, fit, shrink

Read in this order:

    config       every setting of a run, and the presets in one table; `defaults` chooses by the pictures
    schedule     what changes within a run: rate, beta2, gamma, the steps with penalties
    data/        pictures of any kind -> one uint8 array with labels -> batches
    networks/    latent code -> picture, picture -> score or code
    methods/     the lecture's ways to learn; `gan` is the heart
    ema          the averaged networks, one of which is exported
    train        the training loop, counted in images shown; `run_logger`, `run` and `checkpoint` write what it does
    monitoring/  the report of a run, its doctor, TensorBoard
    exporter/    a checkpoint -> ONNX graphs -> a bundle; a bundle -> a smaller one
    feedback/    fine-tuning with people's grades, and a simulated grader
    trainer/     a process that trains what people ask for on the page of a service
    evaluation/  a bundle and held-out pictures -> scores in its card
    comparison/  several bundles in one table
    profiling/   how fast a machine trains and draws
    options      what `fit` and `finetune` may be asked for, and where a run computes
    plan         from options to a plan; `execution` carries it out, `api` has the functions below
    transfer     a model that goes on with other pictures of its shape, without grades
    inputs       the pictures that a command names, read as a model needs them
    replacement  the name of a new bundle, and whose model it would replace
    device       where a run computes, `device_selection` chooses it; `distributed` shares one run between processes
    throughput   images a second, measured, for a run of so many minutes; `budget` says in words what it takes
    replanning   a run of so many minutes keeps to them: its length follows the speed that it gets
    changes      what may change while a run is under way
    healing      a run that goes wrong notices it, goes back, and goes on more gently
    pixels       bytes <-> [-1, 1]
    progress     the progress bar
    errors       what training raises by itself
    cli/         the commands: `zoetrope fit`, or `python -m training fit` (`__main__`)

Importing `training` loads nothing: its functions load torch when first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models import __version__
    from training.api import evaluate, export, finetune, fit, shrink

__all__ = ["__version__", "evaluate", "export", "finetune", "fit", "shrink"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        import models

        return models.__version__
    if name in __all__:
        from training import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
