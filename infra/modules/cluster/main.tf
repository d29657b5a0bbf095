# A private GKE cluster with a network of its own, and the nodes that need no GPU.

locals {
  region = regex("^(.+)-[a-z]$", var.zone)[0]

  pools = {
    # GKE's own pods and Argo: the one pool that is never empty.
    system = { machine_type = "e2-standard-4", min = 1, max = 3, labels = {} }
    # The steps without a GPU choose this label and ask for 8 processors (pipelines/workflows/placement.py).
    # A node keeps some of its processors for itself: on one with 8, no such step would fit.
    cpu = { machine_type = "e2-standard-16", min = 0, max = 4, labels = { "perennial.dev/pool" = "cpu" } }
  }
}

resource "google_compute_network" "this" {
  name                    = var.name
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "nodes" {
  name          = var.name
  network       = google_compute_network.this.id
  region        = local.region
  ip_cidr_range = "10.0.0.0/20"

  # Nodes have no public address: this is their way to the bucket, and it bypasses the NAT.
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = "10.16.0.0/16"
  }
  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = "10.17.0.0/20"
  }
}

resource "google_compute_router" "this" {
  name    = var.name
  network = google_compute_network.this.id
  region  = local.region
}

# The way out for crawl (news archives), ingest and bundle (a model hub), and images.
resource "google_compute_router_nat" "this" {
  name                               = var.name
  router                             = google_compute_router.this.name
  region                             = local.region
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

# Not the project's default account, which may edit the whole project.
resource "google_service_account" "nodes" {
  account_id   = "${var.name}-nodes"
  display_name = "Nodes of the cluster ${var.name}"
}

# Logs, metrics and nothing else; the jobs have their own account (modules/identity).
resource "google_project_iam_member" "nodes" {
  project = var.project
  role    = "roles/container.defaultNodeServiceAccount"
  member  = google_service_account.nodes.member
}

resource "google_container_cluster" "this" {
  name = var.name

  # The control plane is regional, so that its upgrades do not interrupt a run; the nodes are in
  # one zone, where the GPUs are.
  location       = local.region
  node_locations = [var.zone]

  network               = google_compute_network.this.id
  subnetwork            = google_compute_subnetwork.nodes.id
  datapath_provider     = "ADVANCED_DATAPATH" # enforces network policies
  enable_shielded_nodes = true
  deletion_protection   = true # edit and apply before a destroy

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  private_cluster_config {
    enable_private_nodes   = true
    master_ipv4_cidr_block = "172.16.0.0/28"
    # The control plane keeps a public address, open to authorized_networks alone: otherwise
    # kubectl and helm would need a machine inside the network.
    enable_private_endpoint = false
  }

  master_authorized_networks_config {
    dynamic "cidr_blocks" {
      for_each = var.authorized_networks
      content {
        display_name = cidr_blocks.key
        cidr_block   = cidr_blocks.value
      }
    }
  }

  workload_identity_config {
    workload_pool = "${var.project}.svc.id.goog"
  }

  release_channel {
    channel = "REGULAR"
  }

  # GKE makes no cluster without a pool; this one is deleted at once in favour of those below.
  remove_default_node_pool = true
  initial_node_count       = 1
  node_config {
    service_account = google_service_account.nodes.email
  }

  lifecycle {
    ignore_changes = [node_config] # of the deleted pool
  }
}

resource "google_container_node_pool" "this" {
  for_each = local.pools

  name               = each.key
  cluster            = google_container_cluster.this.id
  initial_node_count = each.value.min

  autoscaling {
    min_node_count = each.value.min
    max_node_count = each.value.max
  }

  node_config {
    machine_type    = each.value.machine_type
    labels          = each.value.labels
    disk_type       = "pd-balanced"
    disk_size_gb    = 200 # images, and the steps' scratch space
    service_account = google_service_account.nodes.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"] # IAM decides, not scopes

    shielded_instance_config {
      enable_secure_boot = true
    }
    workload_metadata_config {
      mode = "GKE_METADATA" # pods get their own identity, not the node's
    }
  }

  lifecycle {
    ignore_changes = [initial_node_count] # a change would make the pool anew
  }

  depends_on = [google_project_iam_member.nodes]
}
