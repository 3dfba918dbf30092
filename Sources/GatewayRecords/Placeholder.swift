// GatewayRecords
