variable "database" {
  description = "The database, by the name that the bastion knows."
  type        = string
  default     = "db.internal:5432"
}

variable "registry" {
  description = "The registry, host:port."
  type        = string
  default     = "registry.example.com:443"
}

variable "licences" {
  description = "The licence server, host:port. The rollout goes on without it."
  type        = string
  default     = "licence.acme.example:443"
}

variable "bastion" {
  description = "The bastion: a name or an IP address, with a port if it is not 22."
  type        = string
  default     = "bastion.example.com"
}

variable "host_key" {
  description = "Public key of the bastion, as its administrator has told you: \"ssh-ed25519 AAAA...\"."
  type        = string
}

variable "private_key" {
  description = "Private key of the user that logs in to the bastion, PEM."
  type        = string
  sensitive   = true
  ephemeral   = true # so that a saved plan does not hold it
}
