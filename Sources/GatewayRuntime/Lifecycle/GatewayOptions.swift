import GatewayLLM
package import GatewayModel
package import GatewayRecords
package import GatewayState

/// What a gateway process is started with; everything else is configuration.
package struct GatewayOptions: Sendable {
    /// Where the configuration comes from.
    package enum Source: Sendable {
        /// Files and folders, watched; `-` is standard input, read once.
        case files([String])
        /// A text, as if it were a file of that name.
        case text(String, name: String)
    }

    package struct Address: Sendable, Equatable {
        package var host: String
        package var port: Int
        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    package var source: Source
    /// Holds the admin token and socket, and the history.
    package var stateDirectory: String
    /// Event loops; nil for one per usable core.
    package var loops: Int?
    package var accessLog: LogWriter.Target = .standardOutput
    package var accessLogSettings = AccessLogSettings()
    /// nil serves the admin API on the unix socket only.
    package var admin: Address? = Address(host: "127.0.0.1", port: 9180)
    /// nil serves no metrics.
    package var telemetry: Address? = Address(host: "127.0.0.1", port: 9190)
    /// An OTLP/HTTP collector; nil exports nothing.
    package var otlp: TelemetryCollector?
    /// Whether there is an audit log in the state folder.
    package var audits = true
    /// How that log is written; its name for the gateway is set at the start.
    package var auditSettings = AuditLog.Settings()
    /// Which edition of OpenTelemetry's names for generative AI metrics and spans have.
    package var genAINames = GenAINames.current
    /// `iss` of the gateway's own tokens: the URL others know it by.
    package var tokenIssuer = "http://localhost:8080"
    /// Whom its tokens may be for beside the gateway itself.
    package var tokenAudiences: [String] = []
    package var limits = Limits.standard
    /// Up to this size forms for models are read whole before anything of them is sent.
    package var formHeldBytesMax = ModelServices.formHeldBytesMax
    package var ledger = LedgerSettings()
    /// What listeners bind when their Gateway names no address.
    package var addresses = ["0.0.0.0"]
    /// Maps a configured port to the one to bind; for tests.
    package var bindPort: @Sendable (Int) -> Int = { $0 }
    package var drainTimeout: Duration = .seconds(30)

    /// Whether calls go on, counted in memory only, while the ledger cannot be written.
    package var servesUnrecorded: Bool {
        get { ledger.onFailure == .open }
        set { ledger.onFailure = newValue ? .open : .closed }
    }

    /// How long usage rows are kept.
    package var usageDays: Int {
        get { ledger.usageDays }
        set { ledger.usageDays = newValue }
    }

    package init(source: Source, stateDirectory: String) {
        self.source = source
        self.stateDirectory = stateDirectory
    }
}
