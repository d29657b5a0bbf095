# Who the jobs are: their Kubernetes service account acts as this account, without any key.

resource "google_service_account" "jobs" {
  account_id   = "perennial-jobs"
  display_name = "Perennial's jobs"
}

# For the chart's service account, `perennial`. All clusters of a project share one pool of names.
resource "google_service_account_iam_member" "jobs" {
  service_account_id = google_service_account.jobs.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.workload_pool}[${var.namespace}/perennial]"
}

# On this bucket and nothing else. Deleting is part of it: train deletes old checkpoints.
resource "google_storage_bucket_iam_member" "jobs" {
  bucket = var.bucket
  role   = "roles/storage.objectAdmin"
  member = google_service_account.jobs.member
}
