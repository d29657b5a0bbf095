variable "cluster" {
  description = "The cluster's id."
  type        = string
}

variable "node_service_account" {
  description = "Service account of the nodes."
  type        = string
}

variable "machine_type" {
  description = "An A2 machine with 1, 2, 4 or 8 A100 40 GB. A training pod asks for 8 GPUs; with fewer here, lower the workflow's train-gpus, train-cpu and train-memory, and train.processes of the fleet."
  type        = string
  default     = "a2-highgpu-8g"

  validation {
    condition     = can(regex("^a2-highgpu-[1248]g$", var.machine_type))
    error_message = "Give a2-highgpu-1g, -2g, -4g or -8g."
  }
}

variable "max_nodes" {
  description = "Most nodes: one a family that trains at the same time."
  type        = number
  default     = 2
}

variable "spot" {
  description = "Cheaper nodes that may be taken away at any time. Pods then have about 15 seconds, too few to save a checkpoint: training goes on from the last, so lower train.checkpoint_steps of the fleet."
  type        = bool
  default     = false
}
