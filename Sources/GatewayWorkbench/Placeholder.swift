// GatewayWorkbench
