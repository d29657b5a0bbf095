"""What an artifact of kind ``rows`` holds: packed rows, and the articles kept out of them."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("input_ids", pa.list_(pa.int32())),
        pa.field("lengths", pa.list_(pa.int32())),
    ]
)


MASKED_SCHEMA = SCHEMA.append(pa.field("loss_mask", pa.list_(pa.bool_())))

HELDOUT_ARTICLES = "heldout-articles.parquet"
HELDOUT_SCHEMA = pa.schema([(name, pa.string()) for name in ("url", "title", "body")])
