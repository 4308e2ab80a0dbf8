TF_LOG_PROVIDER=DEBUG TF_LOG_PATH=preflight.log terraform plan
