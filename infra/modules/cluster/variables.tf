variable "project" {
  description = "Project that everything is made in."
  type        = string
}

variable "name" {
  description = "Name of the cluster and its network."
  type        = string
}

variable "zone" {
  description = "Zone of the nodes; the control plane is in its region."
  type        = string
}

variable "authorized_networks" {
  description = "Who may reach the control plane: name to CIDR range."
  type        = map(string)
}
