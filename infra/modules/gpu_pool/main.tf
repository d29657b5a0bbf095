# Nodes with A100 40 GB GPUs, none of them while no step needs one.

locals {
  gpus = tonumber(regex("-([0-9]+)g$", var.machine_type)[0])
}

resource "google_container_node_pool" "this" {
  name    = "gpu"
  cluster = var.cluster

  autoscaling {
    min_node_count = 0
    max_node_count = var.max_nodes
  }

  node_config {
    machine_type    = var.machine_type
    spot            = var.spot
    disk_type       = "pd-balanced"
    disk_size_gb    = 200 # images
    service_account = var.node_service_account
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"] # IAM decides, not scopes

    # The steps choose this label and tolerate this taint: pipelines/workflows/placement.py, steps.py.
    # GKE sets the taint by itself in some orders of creation only, hence here.
    labels = { "perennial.dev/pool" = "gpu" }
    taint {
      key    = "nvidia.com/gpu"
      value  = "present"
      effect = "NO_SCHEDULE"
    }

    guest_accelerator {
      type  = "nvidia-tesla-a100" # the 40 GB one; the 80 GB one is nvidia-a100-80gb
      count = local.gpus
      gpu_driver_installation_config {
        gpu_driver_version = "LATEST" # the images' PyTorch is built for CUDA 13
      }
    }

    # Scratch space of the pods: a checkpoint of an 8B model is over 100 GB. A2 machines take one
    # disk of 375 GB a GPU.
    ephemeral_storage_local_ssd_config {
      local_ssd_count = local.gpus
    }

    shielded_instance_config {
      enable_secure_boot = true # GKE's own GPU drivers are signed
    }
    workload_metadata_config {
      mode = "GKE_METADATA" # pods get their own identity, not the node's
    }
  }
}
