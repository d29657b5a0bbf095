"""What the plan's figures assume, each with its reason: `perennial plan --assumptions` shows them.

Nothing here is measured on the user's machines. A figure that a run disproves (its report shows the
plan beside what came) is to be changed here.
"""

from typing import Self


class Assumed(float):
    """A number with its unit and its reason."""

    unit: str
    why: str

    def __new__(cls, value: float, unit: str, why: str) -> Self:
        made = super().__new__(cls, value)
        made.unit, made.why = unit, why
        return made


GPU_FLOPS = Assumed(312e12, "FLOP/s", "peak of an A100 in bfloat16, the paper's GPU")
MFU = Assumed(0.4, "of the peak", "reached in training; 0.50 to 0.58 are published for A100s")
GPU_BANDWIDTH = Assumed(1.555e12, "bytes/s", "memory of an A100 with 40 GB, by its maker")
SCORING_MFU = Assumed(0.3, "of the peak", "reached in scoring: short texts, few at a time")
GENERATING_SHARE = Assumed(0.6, "of the bandwidth", "reached where each token reads all weights")
GENERATION_STEP_SECONDS = Assumed(
    0.025, "s a token", "the least: transformers' own work between the kernels of some 30 layers"
)
CPU_FLOPS = Assumed(4e10, "FLOP/s a process", "without GPUs: the demo's pico models on two cores")
CPU_STEP_SECONDS = Assumed(0.004, "s a token", "the least, without GPUs: the demo's pico models")

CHECKPOINT_BYTES = Assumed(
    12, "bytes a parameter", "master weights and Adam's moments; deleted once the result is there"
)
BYTES_PER_PARAMETER = Assumed(2, "bytes", "bfloat16, where the files' sizes are not known")
BYTES_PER_TOKEN = Assumed(4, "bytes", "int32")

STORE_RATE = Assumed(5e8, "bytes/s", "between a pod and the store; merge reaches 9e8 on a disk")
HUB_RATE = Assumed(1e8, "bytes/s", "from the hub, another bucket or an archive's server to one pod")

ARCHIVES_PER_DAY = Assumed(20, "archives", "CC-NEWS in 2023 and 2024: some 600 a month")
ARCHIVE_BYTES = Assumed(1.07e9, "bytes", "at which CC-NEWS closes an archive")
ARCHIVE_RATE = Assumed(
    2.5e7, "bytes/s a process", "unpacking, finding the publishers' pages, extracting them"
)
ARTICLES_PER_MONTH = Assumed(
    2e5, "articles", "the paper: 2M of all publishers in ten months; unknown for a choice of them"
)
TOKENS_PER_ARTICLE = Assumed(650, "tokens", "the paper's mean, by Llama's tokenizer")
ARTICLE_BYTES = Assumed(2000, "bytes", "some 2,900 characters, compressed, and what is said of it")
CURATE_RATE = Assumed(500, "articles/s", "the demo's news on one core")
PACK_RATE = Assumed(2e5, "tokens/s", "tokenising on one core")

BUNDLE_BYTES = Assumed(3e8, "bytes", "the paper's nine benchmarks")
BUNDLE_SECONDS = Assumed(300, "s", "the paper's nine benchmarks, each from the hub")
ITEM_BYTES = Assumed(400, "bytes", "what is kept of each scored item: the demo's have 250 to 520")
START_SECONDS = Assumed(2, "s", "of each step; a pod's own start and its image are not counted")
TORCH_START_SECONDS = Assumed(5, "s", "of each step that loads torch or transformers")

ALL = {name: value for name, value in list(globals().items()) if isinstance(value, Assumed)}
