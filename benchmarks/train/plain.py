"""The peer: transformers and DeepSpeed as their own examples put them together, on the same rows.

torchrun -m benchmarks.train.plain MODEL ROWS BATCH_ROWS MICRO_ROWS LENGTH: prints tokens a second.
Rows are padded; a token sees all before it in its row, of whatever article.
"""

import sys
import time

import deepspeed
import pyarrow.parquet as pq
import torch
from torch import distributed
from transformers import AutoModelForCausalLM

IGNORED = -100


def main(model: str, rows: str, batch_rows: int, micro_rows: int, length: int) -> None:
    """One pass over the rows."""
    deepspeed.ops.__compatible_ops__ = {}  # as train: no compiler is needed
    deepspeed.init_distributed("gloo")
    rank, processes = distributed.get_rank(), distributed.get_world_size()
    network = AutoModelForCausalLM.from_pretrained(
        model, dtype=torch.float32, trust_remote_code=False
    )
    engine, *_ = deepspeed.initialize(
        model=network,
        optimizer=torch.optim.AdamW(network.parameters(), lr=1e-5, weight_decay=0.1),
        config={
            "train_batch_size": batch_rows,
            "train_micro_batch_size_per_gpu": micro_rows,
            "gradient_clipping": 1.0,
            "zero_optimization": {"stage": 2},
            "steps_per_print": 2**31,
        },
    )
    ids = pq.read_table(rows)["input_ids"].to_pylist()
    mine = ids[rank::processes]
    started = time.perf_counter()
    for start in range(0, len(mine), micro_rows):
        some = mine[start : start + micro_rows]
        given = torch.tensor([row + [0] * (length - len(row)) for row in some])
        labels = torch.tensor([row + [IGNORED] * (length - len(row)) for row in some])
        loss = engine(input_ids=given, labels=labels).loss
        engine.backward(loss)
        engine.step()
        loss.item()
    seconds = time.perf_counter() - started
    if rank == 0:
        print(sum(map(len, ids)) / seconds)
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    model, rows, *sizes = sys.argv[1:]
    main(model, rows, *map(int, sizes))
