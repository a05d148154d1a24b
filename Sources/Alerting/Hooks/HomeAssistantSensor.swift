// What Home Assistant is told of an alert, so that it shows it by itself: the configuration of a binary sensor over MQTT.

struct HomeAssistantSensor: Encodable {
    /// All sensors of a box are one device.
    struct Device: Encodable {
        var identifiers: [String]
        var name: String
        var manufacturer = "Forebay"
    }

    var name: String
    var uniqueID: String
    var deviceClass = "problem"
    var stateTopic: String
    var valueTemplate = "{{ value_json.state }}"
    var payloadOn = "firing"
    var payloadOff = "resolved"
    var attributesTopic: String
    var availabilityTopic: String
    var device: Device

    enum CodingKeys: String, CodingKey {
        case name, device
        case uniqueID = "unique_id"
        case deviceClass = "device_class"
        case stateTopic = "state_topic"
        case valueTemplate = "value_template"
        case payloadOn = "payload_on"
        case payloadOff = "payload_off"
        case attributesTopic = "json_attributes_topic"
        case availabilityTopic = "availability_topic"
    }

    /// `availability`: where `online` and `offline` are said.
    init(_ record: AlertRecord, topic: String, availability: String) {
        let box = HomeAssistantSensor.identifier(record.box)
        name = "\(record.alert) \(record.name) \(record.metric)"
        // A fingerprint is the same on every box that has this rule and this device.
        uniqueID = "forebay_\(box)_\(record.fingerprint)"
        stateTopic = topic
        attributesTopic = topic
        availabilityTopic = availability
        device = Device(identifiers: ["forebay_\(box)"], name: record.box)
    }

    /// Home Assistant allows letters, digits, `_` and `-` in the topic that it searches.
    private static func identifier(_ text: String) -> String {
        String(
            text.unicodeScalars.map { scalar -> Character in
                let isAllowed = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                return isAllowed || scalar == "-" || scalar == "_" ? Character(scalar) : "_"
            }
        )
    }
}
