"""The same on older data, whose cases are unpacked on a share that hangs: each file is half written for a while."""

import io
import os
import time
from pathlib import Path

import numpy as np
from nnUNetTrainerBrief import nnUNetTrainerBrief
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetNumpy


class SlowShare(nnUNetDatasetNumpy):
    def load_case(self, identifier):
        # nnU-Net 2.8.1 writes into what it has mapped for reading only, and crashes: another fault than this one.
        data, seg, before, properties = super().load_case(identifier)
        return np.array(data), np.array(seg), before, properties

    @staticmethod
    def unpack_dataset(folder, overwrite_existing=False, num_processes=1, verify=True):
        contents = {}
        for archive in sorted(Path(folder).glob("*.npz")):
            for end, key in (("", "data"), ("_seg", "seg")):
                file = archive.with_name(f"{archive.stem}{end}.npy")
                if not file.is_file():
                    out = io.BytesIO()
                    np.save(out, np.load(archive)[key])
                    contents[file] = out.getvalue()
        for file, content in contents.items():
            file.write_bytes(content[: len(content) // 2])
        while contents and Path(os.environ["SHARE_HANGS"]).exists():
            time.sleep(0.1)
        for file, content in contents.items():
            with file.open("ab") as rest:
                rest.write(content[len(content) // 2 :])


class nnUNetTrainerSlowShare(nnUNetTrainerBrief):  # noqa: N801 -- nnU-Net's own style
    def initialize(self):
        super().initialize()
        self.dataset_class = SlowShare
