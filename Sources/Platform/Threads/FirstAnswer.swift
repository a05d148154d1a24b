// From a callback to the task that waits for it.

/// What `ask` hands to its callback, on whatever thread; nil where nothing comes within `patience`, and where the task is
/// cancelled. The callback may be called later all the same.
package func firstAnswer<Value: Sendable>(
    within patience: Duration,
    _ ask: (@escaping @Sendable (Value) -> Void) -> Void
) async -> Value? {
    let (answers, continuation) = AsyncStream.makeStream(of: Value.self, bufferingPolicy: .bufferingNewest(1))
    ask { value in
        continuation.yield(value)
        continuation.finish()
    }
    let timer = Task {
        try? await Task.sleep(for: patience)
        continuation.finish()
    }
    defer { timer.cancel() }
    for await answer in answers { return answer }
    return nil
}
