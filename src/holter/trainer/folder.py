"""Print the folder in which nnU-Net finds ``nnUNetTrainerHolter``.

``export nnUNet_extTrainer=$(python -m holter.trainer.folder)``
"""

from pathlib import Path

EXTERNAL = Path(__file__).parent / "external"

if __name__ == "__main__":
    print(EXTERNAL)
