// GatewayIdentityTests
