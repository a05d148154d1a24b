// Keeps changes that suspend from running into each other.

/// Runs what it is given one after the other, in the order of the calls. What has begun is finished, even where its caller
/// is cancelled.
actor OneAtATime {
    private var last: Task<Void, Never>?

    func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = Task { [last] in
            await last?.value
            return try await body()
        }
        last = Task { _ = await task.result }
        return try await task.value
    }
}
