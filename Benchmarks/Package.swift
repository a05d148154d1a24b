// swift-tools-version: 6.2
// The whole-system benchmarks: a package of its own, without dependencies, so that it never slows the product's build.
import PackageDescription

let package = Package(
    name: "forebay-benchmarks",
    targets: [
        .executableTarget(
            name: "forebay-bench",
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .treatAllWarnings(as: .error),
            ]
        )
    ],
    swiftLanguageModes: [.v6]
)
