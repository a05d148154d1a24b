// SaslHandshake: the mechanism of a login.
internal import KafkaProtocol

extension SASLHandshakeRequest: ServedRequest {
    func start(_ call: Call) {
        // Nobody is asked to log in here, or has done so: a second login on a connection is not served.
        guard var login = call.connection.login else {
            return call.answer(SASLHandshakeResponse(errorCode: .illegalSASLState, mechanisms: []))
        }
        let response = SASLHandshakeResponse(errorCode: login.begin(mechanism), mechanisms: login.mechanisms)
        call.connection.login = login
        guard response.errorCode != .illegalSASLState else { return call.answerLast(response, .unauthenticated) }
        call.answer(response)
    }
}
