output "email" {
  description = "The jobs' service account, as the Kubernetes one is annotated with."
  value       = google_service_account.jobs.email
}
