output "gate" {
  description = "What must wait depends on this."
  value       = terraform_data.gate.id
}

output "not_ready" {
  description = "Endpoints that are not ready, by name: owner, address and status. Empty if the check was skipped."
  value = {
    for name, result in coalesce(data.preflight_endpoints.rollout.results, {}) : name => {
      owner   = var.endpoints[name].owner
      address = result.address
      status  = result.status
    } if !result.ready
  }
}

output "skip_reason" {
  description = "Why the check was skipped. Null if it was not."
  value       = var.skip_reason
}
