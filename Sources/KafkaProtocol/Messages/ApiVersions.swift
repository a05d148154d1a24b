// ApiVersions (key 18): which APIs and versions are served; the first thing that a client asks.

/// Who is asking.
package struct ApiVersionsRequest: Equatable {
    /// Empty before version 3.
    package var clientSoftwareName: String
    /// Empty before version 3.
    package var clientSoftwareVersion: String
}

extension ApiVersionsRequest: KafkaRequest {
    package static let key = APIKey.apiVersions

    package init(from reader: inout WireReader, version: Int16) throws(WireError) {
        clientSoftwareName = try version >= 3 ? reader.string() : ""
        clientSoftwareVersion = try version >= 3 ? reader.string() : ""
        try reader.skipTaggedFields()
    }
}

extension ApiVersionsRequest {
    /// Whether name and version of the client are what Kafka allows from version 3 on: letters, digits, and inside also
    /// `.` and `-`. The answer to others is `.invalidRequest`.
    package var hasValidSoftware: Bool {
        [clientSoftwareName, clientSoftwareVersion].allSatisfy { text in
            guard let first = text.utf8.first, let last = text.utf8.last else { return false }
            return Self.isAlphanumeric(first) && Self.isAlphanumeric(last)
                && text.utf8.allSatisfy {
                    Self.isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
                }
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

/// What is served.
package struct ApiVersionsResponse: Equatable {
    package var errorCode: ErrorCode
    package var apiKeys: [APIVersion]
    package var throttleTimeMilliseconds: Int32

    package init(errorCode: ErrorCode = .none, apiKeys: [APIVersion], throttleTimeMilliseconds: Int32 = 0) {
        self.errorCode = errorCode
        self.apiKeys = apiKeys
        self.throttleTimeMilliseconds = throttleTimeMilliseconds
    }

    /// The versions of one API.
    package struct APIVersion: Equatable {
        package var apiKey: Int16
        package var minVersion: Int16
        package var maxVersion: Int16

        package init(apiKey: Int16, minVersion: Int16, maxVersion: Int16) {
            self.apiKey = apiKey
            self.minVersion = minVersion
            self.maxVersion = maxVersion
        }
    }
}

extension ApiVersionsResponse {
    /// All of `APITable`.
    package static let served = ApiVersionsResponse(apiKeys: APITable.all.map(APIVersion.init))

    /// The answer to a version of ApiVersions above ours; to be written in version 0, the one that every client reads.
    ///
    /// It names only ApiVersions itself, by which the client chooses the version to ask again with.
    package static let unsupportedVersion = ApiVersionsResponse(
        errorCode: .unsupportedVersion,
        apiKeys: [APIVersion(APITable.entry(for: .apiVersions))]
    )
}

extension ApiVersionsResponse.APIVersion {
    fileprivate init(_ api: API) {
        self.init(
            apiKey: api.key.rawValue,
            minVersion: api.advertised.lowerBound,
            maxVersion: api.advertised.upperBound
        )
    }
}

extension ApiVersionsResponse: KafkaResponse {
    package static let key = APIKey.apiVersions

    /// The body; `frame(correlationID:version:)` makes the whole frame.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.errorCode(errorCode)
        writer.array(apiKeys, version: version)
        if version >= 1 { writer.int32(throttleTimeMilliseconds) }
        writer.emptyTaggedFields()
    }
}

extension ApiVersionsResponse.APIVersion: WireWritable {
    /// As part of the response.
    package func write(to writer: inout WireWriter, version: Int16) {
        writer.int16(apiKey)
        writer.int16(minVersion)
        writer.int16(maxVersion)
        writer.emptyTaggedFields()
    }
}
