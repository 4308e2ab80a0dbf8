variable "address" {
  description = "The database, by the name that the workload uses."
  type        = string
  default     = "db.internal:5432"
}

variable "bastion" {
  description = "The bastion: a name or an IP address, with a port if it is not 22."
  type        = string
  default     = "bastion.example.com"
}

variable "host_keys" {
  description = "Public keys of both servers, as their administrators have told you: \"ssh-ed25519 AAAA...\"."
  type = object({
    bastion = string
    jump    = string
  })
}

variable "private_key" {
  description = "Private key of the user that logs in to both servers, PEM."
  type        = string
  sensitive   = true
}
