# One cluster, its GPUs, the store and who may use it. The state is a file beside this one; where
# several people apply, give `terraform` a backend "gcs".

terraform {
  required_version = ">= 1.9, < 2.0"

  # For all the modules, which name no versions of their own.
  required_providers {
    google = { source = "hashicorp/google", version = "~> 7.24" }
  }
}

locals {
  name = "perennial" # of the cluster and of the namespace that the chart will be in
}

provider "google" {
  project = var.project
}

module "cluster" {
  source = "../../modules/cluster"

  project             = var.project
  name                = local.name
  zone                = var.zone
  authorized_networks = var.authorized_networks
}

module "gpu_pool" {
  source = "../../modules/gpu_pool"

  cluster              = module.cluster.id
  node_service_account = module.cluster.node_service_account
  max_nodes            = var.gpu_max_nodes
  spot                 = var.gpu_spot
}

module "bucket" {
  source = "../../modules/bucket"

  name     = var.bucket
  location = module.cluster.region
}

module "identity" {
  source = "../../modules/identity"

  bucket        = module.bucket.name
  workload_pool = module.cluster.workload_pool
  namespace     = local.name
}
