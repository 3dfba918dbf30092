// GatewayProxyTests
