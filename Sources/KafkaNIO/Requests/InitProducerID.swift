// InitProducerId: an identity for a producer whose batches are recognised when they come twice.
internal import CommitLog
internal import KafkaProtocol

extension InitProducerIDRequest: ServedRequest {
    func start(_ call: Call) {
        guard transactionalID == nil else {
            return call.answer(
                InitProducerIDResponse(errorCode: .transactionalIDAuthorizationFailed, producerEpoch: -1)
            )
        }
        guard producerID < 0 else { return call.answer(next(of: producerID, producerEpoch)) }
        call.answerWithProducerID { id in
            switch id {
            case .success(let id): InitProducerIDResponse(producerID: id, producerEpoch: 0)
            case .failure(let error): InitProducerIDResponse(errorCode: ErrorCode(error), producerEpoch: -1)
            }
        }
    }

    /// The same producer, after an error that it can only leave behind with a new epoch.
    private func next(of producerID: Int64, _ epoch: Int16) -> InitProducerIDResponse {
        guard epoch >= 0, epoch < .max else {
            return InitProducerIDResponse(errorCode: .invalidProducerEpoch, producerEpoch: -1)
        }
        return InitProducerIDResponse(producerID: producerID, producerEpoch: epoch + 1)
    }
}
