"""Sentences about the data loader in the training's log."""

from holter.sentences import define, define_all

TRAINING = define("loader.purpose.training", "training")
VALIDATION = define("loader.purpose.validation", "validation")
STEP = define("loader.step", "{stock} = {step}")
FALL_BACK = define("loader.fall-back", "CPU fall-back")
WOULD_TAKE = define("loader.would-take", "on the GPU they would take {needed:bytes} of {free:bytes} that are free")
CLOSED = define("error.loader-closed", "The data loader was closed.")
NOT_CPU_OR_GPU = define("error.transforms-where", "{name}={value}: it can be cpu or gpu.")
AT_LEAST_ONE = define("error.at-least-one-thread", "{name}={value:g}: there must be at least one.")
NOT_A_NUMBER = define("error.not-a-number", "{name}={value} is not a number.")
OTHER_SEARCH = define("error.other-search", "this nnU-Net searches its trainer in a way that Holter does not know")
NO_AUGMENTER = define("error.no-augmenter", "this nnU-Net has no NonDetMultiThreadedAugmenter in its trainer")
OWN_BATCHES = define("error.own-batches", "the trainer makes its batches in a way of its own")
OWN_LOADER = define("error.own-loader", "the trainer has a data loader of its own, {name}")
OWN_DATASET = define("error.own-dataset", "the trainer has a data set of its own, {name}")
DIFFERENT = define("loader.different", "{name} gives another result here than Holter's version of it")
DIFFERENT_AT_ALL = define("loader.different-chain", "the transforms together give another result than Holter's")
CANNOT_TRY = define("loader.cannot-try", "{name} cannot be compared with Holter's version of it ({error})")

define_all(
    {
        "loader.stock": "holter: nnU-Net's own data loader is used: {reason}",
        "loader.own": "holter: the trainer's own get_dataloaders is used: {trainer} defines it",
        "loader.begins": (
            "holter: data loader without worker processes: {threads} reading threads, transforms on {where}, "
            "seed {seed}"
        ),
        "loader.continues": "holter: the data loader goes on with batch {step} of seed {seed}",
        "loader.chain": "holter: {purpose} transforms: {mapping}",
        "loader.fallback": "holter: no transform of Holter's for {names}: nnU-Net's own runs on the CPU for that step",
        "loader.kernels": "holter: transforms on the CPU are compiled, for {name}",
        "loader.kernels-missing": (
            "holter: transforms run in torch, without compiled kernels, and take several times as long: {reason}"
        ),
        "loader.choosing": (
            "holter: choosing the data loader: comparing transforms and speed on your data, about 15 s (once per fold)"
        ),
        "loader.choice-kept": "holter: data loader: {loader}, as chosen before ({file}); --again chooses again",
        "loader.choice.faster": (
            "holter: Holter's data loader is used: {times:.1f} times as fast as nnU-Net's here, at least {least:.1f} "
            "({holter:.2f} batches per second with {threads} threads, {stock:.2f} with {workers} workers); "
            "{count} transforms give equal results; measured in {took:.0f} s"
        ),
        "loader.choice.not-faster": (
            "holter: nnU-Net's own data loader is used: {stock:.2f} batches per second with {workers} workers; "
            "Holter's is not clearly faster here ({holter:.2f} with {threads} threads)"
        ),
        "loader.choice.undecided": (
            "holter: nnU-Net's own data loader is used: {took:.0f} s were too short to be sure that Holter's is faster "
            "({holter:.2f} against {stock:.2f} batches per second); --loader holter uses it nevertheless"
        ),
        "loader.choice.different": "holter: nnU-Net's own data loader is used: {detail}",
        "loader.choice.failed": "holter: nnU-Net's own data loader is used: Holter's could not be tried ({detail})",
        "loader.choice.ranks": (
            "holter: nnU-Net's own data loader is used: with several GPUs speed is not measured; "
            "--loader holter takes Holter's"
        ),
        "loader.memory-shrunk": (
            "holter: little memory is free ({free:bytes}): the data loader reads {depth} batches ahead with {threads} "
            "threads, and takes at most {needed:bytes}"
        ),
        "loader.memory-short": (
            "holter: too little memory is free ({free:bytes}): the smallest data loader takes {needed:bytes}, and the "
            "network comes on top. The kernel may kill the training without a message: ask for more memory, or take a "
            "smaller patch or batch size"
        ),
        "loader.reading": "holter: reading: {note}",
        "loader.in-torch": (
            "holter: these transforms run in torch, not in compiled kernels: {names}. Their numbers are beyond what "
            "the kernels have room for, or a transform that Holter does not know comes before them"
        ),
        "loader.gpu-crowded": (
            "holter: from batch {step} on transforms run on the CPU: the GPU was almost full, and torch had to empty "
            "its cache {retries} times in one epoch"
        ),
        "loader.gpu-short": "holter: transforms run on the CPU: {reason}",
        "loader.gpu-out-of-memory": (
            "holter: the GPU ran out of memory; from batch {step} on, transforms run on the CPU. No batch was lost"
        ),
        "loader.gpu-failed": "holter: transforms cannot run on this GPU and run on the CPU: {reason}",
        "loader.left-behind": "holter: threads that hang in a read were left behind: {names}",
        "loader.trouble.hung": "holter: case {case}: the read of {where} has not come back for {waited:duration}",
        "loader.trouble.unreadable": "holter: case {case}: {where} cannot be read ({detail}); it is tried again",
        "loader.trouble.quarantined": "holter: case {case} is left out from now on: {where}: {detail}",
        "loader.trouble.back": "holter: case {case} can be read again",
    }
)
