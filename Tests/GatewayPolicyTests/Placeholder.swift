// GatewayPolicyTests
