// GatewayPolicy
