// GatewayModelTests
