// What a topic's captures say of a payload.
package import Platform

extension TopicRouter {
    /// The circumstances of a message whose topic matched `pattern` with these captures. `topic` must stay valid as long
    /// as the result is used.
    package func arrival(
        at time: Timestamp,
        topic: UnsafeRawBufferPointer,
        pattern: Int,
        captures: TopicCaptures
    ) -> Arrival {
        var arrival = Arrival(receivedAt: time, from: topic)
        arrival.topicDevice = captures.device?.bytes(of: topic)
        arrival.topicMetric = captures.metric?.bytes(of: topic)
        for label in 0..<labelCount(ofPattern: pattern) {
            arrival.topicLabels.append(
                name: labelName(ofPattern: pattern, label: label),
                value: captures.labels[label].bytes(of: topic)
            )
        }
        return arrival
    }
}
