# The bucket of the store.

resource "google_storage_bucket" "this" {
  name     = var.name
  location = var.location

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false # the releases and their lineage are in it

  # No versioning: artifacts are written once, so that there are only deletions to undo.
  soft_delete_policy {
    retention_duration_seconds = 7 * 24 * 3600 # the least there is, but for none
  }

  # What killed pods left of their uploads; it is invisible, and billed.
  lifecycle_rule {
    condition {
      age = 7
    }
    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  # A training deletes its checkpoints but the last, which is of no use once it is done; one that
  # stands still for a month must start anew. Only checkpoints have files of these names.
  lifecycle_rule {
    condition {
      age            = 30
      matches_suffix = ["_model_states.pt", "_optim_states.pt"]
    }
    action {
      type = "Delete"
    }
  }
}
