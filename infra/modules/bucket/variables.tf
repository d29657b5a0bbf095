variable "name" {
  description = "Name of the bucket, unique in the world."
  type        = string
}

variable "location" {
  description = "Region of the bucket: the cluster's, or every read crosses regions and is billed."
  type        = string
}
