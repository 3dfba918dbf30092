// GatewayWire
