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
        call.answerWithProducerID { id in
            switch id {
            case .success(let id): InitProducerIDResponse(producerID: id, producerEpoch: 0)
            case .failure(let error): InitProducerIDResponse(errorCode: ErrorCode(error), producerEpoch: -1)
            }
        }
    }
}
