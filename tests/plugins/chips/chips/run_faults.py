"""What a driver can do wrong once its blob is open."""

import time

import numpy as np

from chips.evaluator import Evaluator

RUN_FAULTS = ("raise", "dtype", "shape", "count", "slow", "stats", "close", "concurrency")


class FaultyEvaluator(Evaluator):
    """An evaluator whose `call`-th call goes wrong; every other is as it should be."""

    def __init__(self, model, fault, call):
        super().__init__(model, "many" if fault == "concurrency" else 1)
        self.fault, self.call = fault, call

    def __call__(self, inputs, outputs):
        if self.calls + 1 != self.call:
            return super().__call__(inputs, outputs)
        return self.go_wrong(inputs, outputs)

    def go_wrong(self, inputs, outputs):
        if self.fault == "raise":
            self.calls += 1
            raise RuntimeError(f"the queue was lost at call {self.calls}")
        if self.fault == "slow":
            time.sleep(0.5)
        if self.fault not in ("dtype", "shape", "count"):
            return super().__call__(inputs, outputs)
        # Results of its own instead of the outputs it was given to fill.
        results = super().__call__(inputs, [])
        if self.fault == "dtype":
            return [each.astype(np.float64) for each in results]
        return [each[None] for each in results] if self.fault == "shape" else [*results, *results]

    def stats(self):
        return {"calls": object()} if self.fault == "stats" else super().stats()

    def close(self):
        if self.fault == "close":
            raise RuntimeError("the device does not let go")
        super().close()
