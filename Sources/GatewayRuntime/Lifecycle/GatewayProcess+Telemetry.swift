extension GatewayProcess {
    func exportTelemetry() async {}
}
