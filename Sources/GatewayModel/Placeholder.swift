// GatewayModel
