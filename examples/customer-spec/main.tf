# Judges the results in the bundle by the analyzers of the spec. Nothing is dialled or written.
data "preflight_spec" "api" {
  spec          = file(var.spec)
  bundle        = var.bundle
  max_age       = "168h" # an older result is an error
  missing_nodes = "warn" # a node without any result is a warning, not an error
}

output "outcome" {
  value = data.preflight_spec.api.outcome
}

output "explanations" {
  description = "One for each analyzer and node that does not pass."
  value = [
    for result in data.preflight_spec.api.results : result.explanation
    if result.outcome != "pass"
  ]
}
