action "preflight_tcp_connect" "api" {
  config {
    check_name = "The new service accepts connections"
    address    = var.address
    timeout    = var.patience

    retry {
      consecutive = 3
      min_delay   = "100ms"
    }
  }
}

resource "terraform_data" "service" {
  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.preflight_tcp_connect.api]
    }
  }
}
