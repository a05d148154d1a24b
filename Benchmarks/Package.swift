// swift-tools-version: 6.2
// The benchmarks: a package of its own, so that it never slows the product's build. The log's targets are those of the
// product, through links in Sources: what measures the log or the rules alone links them as the daemon does.
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "forebay-benchmarks",
    targets: [
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CSnappy", pkgConfig: "snappy"),
        .target(name: "CPlatform"),
        .target(name: "Platform", dependencies: ["CPlatform"], swiftSettings: swiftSettings),
        .target(
            name: "CommitLog",
            dependencies: ["Platform", "CLZ4", "CZstd", "CZlib", "CSnappy"],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "forebay-bench-log",
            dependencies: ["CommitLog", "Platform"],
            swiftSettings: swiftSettings
        ),
        .target(name: "EventModel", dependencies: ["Platform"], swiftSettings: swiftSettings),
        .target(name: "Rules", dependencies: ["EventModel", "Platform"], swiftSettings: swiftSettings),
        .executableTarget(
            name: "forebay-bench-rules",
            dependencies: ["Rules", "EventModel", "Platform"],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "forebay-bench",
            dependencies: ["forebay-bench-log", "forebay-bench-rules"],
            swiftSettings: swiftSettings
        ),
    ],
    swiftLanguageModes: [.v6]
)
