# Each alias is a separate process and does not know the results of the others, so each has its own bundle.
provider "preflight" {
  bundle_dir = "support-bundle/main"
}

provider "preflight" {
  alias      = "backup"
  bundle_dir = "support-bundle/backup"
  timeout    = "30s"
}

data "preflight_tcp_connect" "main" {
  collector_name = "kubernetes-api"
  address        = var.address
}

data "preflight_tcp_connect" "backup" {
  provider = preflight.backup

  collector_name = "kubernetes-api"
  address        = var.backup_address
}

data "preflight_analysis" "api" {
  check_name = "Kubernetes API of the main site"
  status     = data.preflight_tcp_connect.main.status
  reason     = data.preflight_tcp_connect.main.reason
  outcomes = [
    { pass = { when = "connected" } },
    { fail = {} },
  ]
}

data "preflight_analysis" "backup" {
  provider = preflight.backup

  check_name = "Kubernetes API of the backup site"
  status     = data.preflight_tcp_connect.backup.status
  reason     = data.preflight_tcp_connect.backup.reason
  outcomes = [
    { pass = { when = "connected" } },
    { warn = { message = "The backup site can't be reached" } },
  ]
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_analysis.api.proceed
      error_message = "${data.preflight_analysis.api.message}\n\n${data.preflight_tcp_connect.main.explanation}"
    }
    precondition {
      condition     = data.preflight_analysis.backup.proceed
      error_message = "${data.preflight_analysis.backup.message}\n\n${data.preflight_tcp_connect.backup.explanation}"
    }
  }
}
