variable "project" {
  description = "Project that everything is made in."
  type        = string
}

variable "zone" {
  description = "Zone with A100 40 GB GPUs, as us-central1-a."
  type        = string
}

variable "bucket" {
  description = "Name of the store's bucket, unique in the world."
  type        = string
}

variable "authorized_networks" {
  description = "Who may reach the control plane: name to CIDR range."
  type        = map(string)
}

variable "gpu_max_nodes" {
  description = "Most GPU nodes at a time."
  type        = number
  default     = 2
}

variable "gpu_spot" {
  description = "Use spot GPU nodes."
  type        = bool
  default     = false
}
