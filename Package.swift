// swift-tools-version: 6.2
// Forebay: the targets and the fences between them. ARCHITECTURE.md says why each target exists.
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

func system(_ name: String, _ pkgConfig: String, _ debianPackage: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([debianPackage])])
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

let package = Package(
    name: "forebay",
    products: [
        .executable(name: "forebay", targets: ["forebay"]),
        .executable(name: "forebay-sim", targets: ["forebay-sim"]),
        // Preloaded into the daemon by EndToEndTests; nothing links them.
        .library(name: "PowerCut", type: .dynamic, targets: ["PowerCut"]),
        .library(name: "MonotonicTimers", type: .dynamic, targets: ["MonotonicTimers"]),
        .library(name: "FaultyDisk", type: .dynamic, targets: ["FaultyDisk"]),
        .library(name: "AllocationCounter", type: .dynamic, targets: ["AllocationCounter"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        system("CMosquitto", "libmosquitto", "libmosquitto-dev"),
        system("CLZ4", "liblz4", "liblz4-dev"),
        system("CZstd", "libzstd", "libzstd-dev"),
        system("CZlib", "zlib", "zlib1g-dev"),
        system("CSnappy", "snappy", "libsnappy-dev"),
        .target(name: "CPlatform"),
        .target(name: "CSimulator"),
        .target(name: "PowerCut", path: "Tests/Shims/PowerCut"),
        .target(name: "MonotonicTimers", path: "Tests/Shims/MonotonicTimers"),
        .target(name: "FaultyDisk", path: "Tests/Shims/FaultyDisk"),
        .target(name: "AllocationCounter", path: "Tests/Shims/AllocationCounter"),
        library("Platform", ["CPlatform"]),
        library("EventModel", ["Platform"]),
        library("CommitLog", ["Platform", "CLZ4", "CZstd", "CZlib", "CSnappy"]),
        library("MQTT", ["Platform", "CMosquitto"]),
        library("Ingest", ["Platform", "EventModel", "CommitLog", "CPlatform", "MQTT", crypto]),
        library("Rules", ["EventModel", "Platform"]),
        library(
            "Alerting",
            [
                "EventModel", "Rules", "CommitLog", "MQTT", "Platform", asyncHTTPClient, crypto, logging, nioCore,
                nioHTTP1, nioSSL,
            ]
        ),
        library("DeviceRegistry", ["EventModel", "Platform", grdb]),
        library("KafkaProtocol", [nioCore]),
        library("KafkaNIO", ["KafkaProtocol", "CommitLog", "Platform", crypto, nioCore, nioPosix, nioSSL, nioTLS]),
        library("HTTPAPI", ["EventModel", "Platform", hummingbird, logging, nioCore, serviceLifecycle]),
        library(
            "Appliance",
            [
                "Platform", "EventModel", "CommitLog", "MQTT", "Ingest", "Rules", "Alerting", "DeviceRegistry",
                "HTTPAPI", "KafkaNIO",
                asyncHTTPClient, crypto, hummingbird, logging, nioCore, nioHTTP1, nioPosix, httpTypes,
                serviceLifecycle, unixSignals, yams,
            ]
        ),
        .executableTarget(
            name: "forebay",
            dependencies: ["Appliance", "EventModel", "HTTPAPI", "Platform", argumentParser],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "forebay-sim",
            dependencies: ["CMosquitto", "CSimulator", argumentParser],
            path: "simulators",
            swiftSettings: swiftSettings
        ),
        tests("PlatformTests", ["Platform"]),
        tests("EventModelTests", ["EventModel", "Platform"]),
        tests("CommitLogTests", ["CommitLog", "Platform"], exclude: ["ForeignBatches"]),
        tests("IngestTests", ["Ingest", "EventModel", "CommitLog", "MQTT", "Platform"], exclude: ["Corpus"]),
        tests("RulesTests", ["Rules", "EventModel", "Platform"]),
        tests(
            "AlertingTests",
            ["Alerting", "Rules", "EventModel", "CommitLog", "MQTT", "Platform", logging, nioPosix]
        ),
        tests("DeviceRegistryTests", ["DeviceRegistry", "EventModel", "Platform", grdb]),
        tests("KafkaProtocolTests", ["KafkaProtocol", nioCore], exclude: ["Golden"]),
        tests(
            "KafkaNIOTests",
            ["KafkaNIO", "KafkaProtocol", "CommitLog", "Platform", crypto, nioCore, nioPosix, nioSSL]
        ),
        tests("HTTPAPITests", ["HTTPAPI", "EventModel", "Platform", logging, nioCore, nioPosix, serviceLifecycle]),
        tests(
            "ApplianceTests",
            [
                "Appliance", "HTTPAPI", "DeviceRegistry", "EventModel", "Rules", "Alerting", "Ingest", "CommitLog",
                "MQTT", "Platform", logging, nioCore,
            ]
        ),
        tests("SimulationTests", ["Alerting", "Rules", "Ingest", "EventModel", "CommitLog", "Platform"]),
        tests("TidyTests", []),
        tests("EndToEndTests", ["Platform"]),
    ],
    swiftLanguageModes: [.v6]
)
