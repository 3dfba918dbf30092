/// Who may import whom: the picture of `Documentation/Architecture/README.md` as data. Everything a target
/// is not given here it may not import, whatever SwiftPM would let it reach.
enum ImportTable {
    struct Row {
        /// Targets of this package.
        var rooms: Set<String>
        /// Modules from elsewhere: packages, system libraries, the toolchain.
        var others: Set<String> = []
    }

    /// Part of the language; no effect on layering.
    private static let language: Set<String> = ["Swift", "Synchronization"]
    /// Files, sockets and clocks of the operating system.
    private static let system: Set<String> = ["Glibc", "Musl", "Darwin", "Dispatch"]
    private static let foundation: Set<String> = ["Foundation", "FoundationEssentials"]
    private static let nio: Set<String> = ["NIOCore", "NIOPosix"]

    static let rows: [String: Row] = [
        "GatewayModel": Row(rooms: []),
        "GatewayWire": Row(rooms: []),
        "GatewayPolicy": Row(rooms: ["GatewayModel", "GatewayWire"], others: language),
        "GatewayIdentity": Row(
            rooms: ["GatewayModel", "GatewayWire"], others: language.union(["Crypto", "CryptoExtras"])),
        "GatewayState": Row(
            rooms: ["GatewayModel", "GatewayWire", "GatewayPolicy"],
            others: language.union(system).union(foundation).union(["CLinux", "Crypto", "GRDB", "GRDBSQLite"])),
        "GatewayRecords": Row(
            rooms: ["GatewayModel", "GatewayWire"], others: language.union(system).union(["CLinux", "Crypto"])),
        "GatewayProxy": Row(
            rooms: ["GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayIdentity", "GatewayRecords"],
            others: language.union(system).union(nio).union([
                "NIOSSL", "NIOTLS", "Crypto", "X509", "SwiftASN1", "CNGHTTP2", "CZlib", "CZstd",
            ])),
        "GatewayLLM": Row(
            rooms: [
                "GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayIdentity", "GatewayState", "GatewayRecords",
                "GatewayProxy",
            ],
            others: language.union(["NIOCore", "Crypto"])),
        "GatewayMCP": Row(
            rooms: [
                "GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayIdentity", "GatewayState", "GatewayRecords",
                "GatewayProxy",
            ],
            // Servers of tools may be processes: this room starts them and holds their pipes.
            others: language.union(system).union(nio).union(["CLinux", "Crypto"])),
        "GatewayControl": Row(
            rooms: ["GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayState", "GatewayRecords"],
            others: language.union(system).union(foundation).union(["Yams", "Crypto"])),
        "GatewayRuntime": Row(
            rooms: [
                "GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayIdentity", "GatewayState", "GatewayRecords",
                "GatewayProxy", "GatewayLLM", "GatewayMCP", "GatewayControl",
            ],
            others: language.union(system).union(nio).union(["NIOSSL"])),
        "GatewayWorkbench": Row(
            rooms: ["GatewayModel", "GatewayWire"],
            others: language.union(system).union(foundation).union(nio)
                .union(["NIOHTTP1", "NIOHTTP2", "NIOSSL", "NIOTLS", "NIOWebSocket", "Yams"])),
        "sluice": Row(
            rooms: [
                "GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayIdentity", "GatewayRecords", "GatewayControl",
                "GatewayRuntime", "GatewayWorkbench",
            ],
            others: language.union(system).union(foundation).union(["ArgumentParser"])),
    ]

    /// System libraries: a module map and a header, no Swift.
    static let systemLibraries: Set<String> = ["CNGHTTP2", "CLinux", "CZlib", "CZstd"]

    /// Whose types may appear in a `package` signature. Everything else stays behind the file that imports it,
    /// so that a library can be replaced in one room.
    static let sharedModules: Set<String> = nio.union(["NIOSSL", "NIOHTTP1", "ArgumentParser"]).union(language)
        .union(foundation)
}
