variable "bucket" {
  description = "The one bucket that the jobs may use."
  type        = string
}

variable "workload_pool" {
  description = "The cluster's Workload Identity pool."
  type        = string
}

variable "namespace" {
  description = "Namespace that the chart is installed in."
  type        = string
}
