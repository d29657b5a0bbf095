# Outputs wait for the pools: GKE taints GPU nodes only where there are others, and its own pods
# would settle on the GPUs.
output "id" {
  description = "The cluster, as node pools name it."
  value       = google_container_cluster.this.id
  depends_on  = [google_container_node_pool.this]
}

output "region" {
  description = "Region of the control plane."
  value       = local.region
}

output "node_service_account" {
  description = "Service account of the nodes."
  value       = google_service_account.nodes.email
}

output "workload_pool" {
  description = "Workload Identity pool; it exists once a cluster does."
  value       = google_container_cluster.this.workload_identity_config[0].workload_pool
}
