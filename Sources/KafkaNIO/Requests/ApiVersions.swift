// ApiVersions: what this broker speaks.
internal import KafkaProtocol

extension ApiVersionsRequest: ServedRequest {
    func start(_ call: Call) {
        guard call.version < 3 || hasValidSoftware else {
            return call.answer(ApiVersionsResponse(errorCode: .invalidRequest, apiKeys: []))
        }
        call.answer(ApiVersionsResponse.served)
    }
}
