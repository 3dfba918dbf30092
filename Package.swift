// swift-tools-version: 6.2
import PackageDescription

// One list for every target: Swift 6 mode, explicit existentials and import levels, strict memory
// safety, and no warning left behind (STYLE, habit 1).
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let nioHPACK: Target.Dependency = .product(name: "NIOHPACK", package: "swift-nio-http2")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// A library target; its name is its folder under `Sources`.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// A test target; its name is its folder under `Tests`.
func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude,
        swiftSettings: settings)
}

// The rooms and who may import whom: Documentation/Architecture/README.md has the picture,
// Tests/ArchitectureTests holds the same table and reads every import line.
let package = Package(
    name: "sluice",
    products: [.executable(name: "sluice", targets: ["sluice"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        library("GatewayModel", []),
        library("GatewayWire", []),
        library("GatewayPolicy", ["GatewayModel", "GatewayWire"]),
        library("GatewayIdentity", ["GatewayModel", "GatewayWire", crypto, cryptoExtras]),
        library("GatewayState", ["GatewayModel", "GatewayWire", "GatewayPolicy", "CLinux", crypto, grdb, sqlite]),
        library("GatewayRecords", ["GatewayModel", "GatewayWire", "CLinux", crypto]),
        library(
            "GatewayProxy",
            [
                "GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayIdentity", "GatewayRecords",
                "CNGHTTP2", "CZlib", "CZstd", nioCore, nioPosix, nioTLS, nioSSL, crypto, asn1, x509,
            ]),
        library(
            "GatewayLLM",
            [
                "GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayIdentity", "GatewayState", "GatewayRecords",
                "GatewayProxy", nioCore, crypto,
            ]),
        library(
            "GatewayMCP",
            [
                "GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayIdentity", "GatewayState", "GatewayRecords",
                "GatewayProxy", "CLinux", nioCore, nioPosix, crypto,
            ]),
        library(
            "GatewayControl",
            ["GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayState", "GatewayRecords", yams, crypto]),
        library(
            "GatewayRuntime",
            [
                "GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayIdentity", "GatewayState", "GatewayRecords",
                "GatewayProxy", "GatewayLLM", "GatewayMCP", "GatewayControl", nioCore, nioPosix, nioSSL,
            ]),
        library(
            "GatewayWorkbench",
            ["GatewayModel", "GatewayWire", nioCore, nioPosix, nioHTTP1, nioHTTP2, nioTLS, nioSSL, nioWebSocket, yams]),
        .executableTarget(
            name: "sluice",
            dependencies: [
                "GatewayModel", "GatewayWire", "GatewayPolicy", "GatewayIdentity", "GatewayRecords", "GatewayControl",
                "GatewayRuntime", "GatewayWorkbench", arguments,
            ],
            swiftSettings: settings),
        // Not part of the product: callgrind counts what its parts cost.
        .executableTarget(
            name: "measure",
            dependencies: ["GatewayIdentity", "GatewayModel", "GatewayProxy", "GatewayRecords", "GatewayWire"],
            path: "Benchmarks/instructions/Measure", swiftSettings: settings),
        tests("GatewayModelTests", ["GatewayModel"]),
        tests("GatewayWireTests", ["GatewayWire", nioCore, nioEmbedded, nioHTTP1]),
        tests("GatewayPolicyTests", ["GatewayPolicy", "GatewayModel", "GatewayWire"]),
        tests("GatewayIdentityTests", ["GatewayIdentity", "GatewayModel", "GatewayWire", crypto, cryptoExtras]),
        tests("GatewayStateTests", ["GatewayState", "GatewayPolicy", "GatewayModel", "GatewayWire", grdb]),
        tests(
            "GatewayLLMTests",
            ["GatewayLLM", "GatewayState", "GatewayPolicy", "GatewayModel", "GatewayWire", "GatewayProxy", nioCore],
            exclude: ["Neutral/Golden"]),
        tests(
            "GatewayMCPTests",
            [
                "GatewayMCP", "GatewayState", "GatewayPolicy", "GatewayModel", "GatewayWire", "GatewayProxy", nioCore,
                nioPosix,
            ]),
        // Not part of the product: a writer that tests kill.
        .executableTarget(
            name: "auditwriter", dependencies: ["GatewayModel", "GatewayRecords"], path: "Tests/Programs/AuditWriter",
            swiftSettings: settings),
        tests("GatewayRecordsTests", ["GatewayRecords", "GatewayModel", "GatewayWire", "auditwriter"]),
        tests(
            "GatewayProxyTests",
            [
                "GatewayProxy", "GatewayModel", "GatewayRecords", "GatewayWire", nioCore, nioEmbedded, nioPosix,
                nioHPACK, nioSSL,
            ]),
        tests("GatewayControlTests", ["GatewayControl", "GatewayModel", "GatewayRecords"]),
        tests(
            "GatewayRuntimeTests",
            [
                "GatewayRuntime", "GatewayControl", "GatewayProxy", "GatewayLLM", "GatewayModel", "GatewayWire",
                "GatewayWorkbench", "GatewayState", "GatewayRecords", "GatewayPolicy", "GatewayIdentity", "CZlib",
                "CZstd", nioCore,
                nioPosix, nioSSL,
            ]),
        tests("GatewayWorkbenchTests", ["GatewayWorkbench", "GatewayModel", nioCore, nioPosix, nioHTTP1]),
        tests(
            "ConformanceTests",
            [
                "GatewayRuntime", "GatewayRecords", "GatewayControl", "GatewayProxy", "GatewayModel",
                "GatewayWorkbench", nioCore, nioPosix,
            ]),
        tests(
            "SluiceTests",
            [
                "sluice", "GatewayControl", "GatewayIdentity", "GatewayModel", "GatewayRecords", "GatewayRuntime",
                "GatewayWire", "GatewayWorkbench", arguments, nioCore,
            ]),
        tests("ArchitectureTests", []),
        tests("TidyTests", ["GatewayModel"]),
    ],
    swiftLanguageModes: [.v6]
)
