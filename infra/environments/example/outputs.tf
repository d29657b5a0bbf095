locals {
  store = "gs://${module.bucket.name}/perennial"
}

output "store" {
  description = "URI of the store."
  value       = local.store
}

output "next_commands" {
  description = "What to run next, at the top of the repository: the second once Argo Workflows 4 is in the cluster."
  value       = <<-EOT
    gcloud container clusters get-credentials ${local.name} --location ${module.cluster.region} --project ${var.project}
    helm upgrade --install perennial charts/perennial --namespace ${local.name} --create-namespace --set parameters.store=${local.store} --set 'serviceAccount.annotations.iam\.gke\.io/gcp-service-account=${module.identity.email}'
    kubectl --namespace ${local.name} get workflowtemplates,serviceaccounts
  EOT
}
