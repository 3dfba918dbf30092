// GatewayRecordsTests
