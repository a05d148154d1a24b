// Carries what the inputs saw into the registry, in batches, once a second.
package import DeviceRegistry
package import EventModel
package import Logging
package import Platform

/// The only writer of sightings. A report that could not be stored is kept and merged with the next one; the
/// directory that inputs read is published by the registry itself.
package actor RegistryKeeper {
    private let registry: DeviceRegistry
    private let sightings: DeviceSightings
    private let clock: any Clock
    private let logger: Logger
    private var unsaved = SightingReport()
    /// Whether the last report could not be stored.
    package private(set) var isFailing = false
    /// Sightings that name nothing the registry can hold.
    package private(set) var skippedCount: UInt64 = 0

    package init(registry: DeviceRegistry, sightings: DeviceSightings, clock: any Clock, logger: Logger) {
        self.registry = registry
        self.sightings = sightings
        self.clock = clock
        self.logger = logger
    }

    /// Saves once a second until the task is cancelled. What came last is for whoever stops it to save: a cancelled task
    /// is refused by the database.
    package func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            if !Task.isCancelled { await save() }
        }
    }

    /// Saves what was reported since the last time. Where the task is cancelled it is kept for the next one.
    package func save() async {
        unsaved.merge(sightings.drain())
        guard !unsaved.isEmpty else { return }
        do throws(RegistryError) {
            let outcome = try await registry.record(unsaved, at: clock.now())
            sightings.notePublished(unsaved)
            unsaved = SightingReport()
            skippedCount &+= UInt64(clamping: outcome.skipped)
            if isFailing { logger.notice("the registry takes sightings again") }
            isFailing = false
        } catch {
            guard error.code != .cancelled else { return }
            if !isFailing { logger.error("the registry does not take sightings; they are kept: \(error)") }
            isFailing = true
        }
    }
}
