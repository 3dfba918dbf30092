// GatewayControlTests
