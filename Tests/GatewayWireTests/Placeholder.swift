// GatewayWireTests
