locals {
  spec      = yamldecode(file("${path.module}/spec.yaml")).spec
  collector = local.spec.hostCollectors[0].tcpConnect
  analyzer  = local.spec.hostAnalyzers[0].tcpConnect
}

data "preflight_tcp_connect" "api" {
  collector_name = local.collector.collectorName
  address        = var.address # or local.collector.address
  timeout        = local.collector.timeout
}

data "preflight_analysis" "api" {
  check_name = local.analyzer.checkName
  status     = data.preflight_tcp_connect.api.status
  reason     = data.preflight_tcp_connect.api.reason
  outcomes   = local.analyzer.outcomes
}

# Everything that must wait depends on this resource.
resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_analysis.api.proceed
      error_message = "${data.preflight_analysis.api.message}\n\n${data.preflight_tcp_connect.api.explanation}"
    }
  }
}
