"""The peer: transformers and DeepSpeed as their own examples put them together, on the same rows.

torchrun -m benchmarks.train.plain MODEL ROWS BATCH_ROWS MICRO_ROWS LENGTH: one pass, and prints
tokens a second and memory as JSON. Rows are padded; a token sees all before it in its row, of
whatever article. On a GPU in bfloat16, on a CPU in float32.
"""

import json
import os
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
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else torch.device("cpu")
    deepspeed.ops.__compatible_ops__ = {}  # as train: no compiler is needed
    deepspeed.init_distributed("nccl" if on_gpu else "gloo")
    rank, processes = distributed.get_rank(), distributed.get_world_size()
    network = AutoModelForCausalLM.from_pretrained(
        model, dtype=torch.bfloat16 if on_gpu else torch.float32, trust_remote_code=False
    ).to(device)
    engine, *_ = deepspeed.initialize(
        model=network,
        optimizer=torch.optim.AdamW(network.parameters(), lr=1e-5, weight_decay=0.1),
        config={
            "train_batch_size": batch_rows,
            "train_micro_batch_size_per_gpu": micro_rows,
            "gradient_clipping": 1.0,
            "zero_optimization": {"stage": 2},
            "bf16": {"enabled": on_gpu},
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
        loss = engine(input_ids=given.to(device), labels=labels.to(device)).loss
        engine.backward(loss)
        engine.step()
        loss.item()
    told = {
        "tokens_per_second": sum(map(len, ids)) / (time.perf_counter() - started),
        "gpu_bytes": torch.cuda.max_memory_allocated(device) if on_gpu else None,
    }
    distributed.barrier()
    if rank == 0:
        print(json.dumps(told), flush=True)
    distributed.destroy_process_group()


if __name__ == "__main__":
    model, rows, *sizes = sys.argv[1:]
    main(model, rows, *map(int, sizes))
