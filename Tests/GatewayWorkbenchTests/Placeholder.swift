// GatewayWorkbenchTests
