// The decoder seam: how a format turns a payload into events.

/// What an input's configuration says about decoding.
package struct DecoderOptions: Sendable {
    /// `device_field`: the key or column that names the device, before every other.
    package var deviceField: String?
    /// `columns` of `csv`.
    package var columns: [String]?
    /// `numeric_strings`: a string that is wholly a JSON number is a reading.
    package var numericStrings = true
    /// The payloads are the lines of one sender, one after the other, as on a serial port: what one of them says (a CSV
    /// header) holds for those behind it.
    package var isStream = false

    package init() {}
}

/// One format. An instance belongs to one input and its thread; it may remember between payloads (a CSV header).
///
/// It notes in the collector where each event begins. A payload that is to be refused gives a reject: one that gives neither
/// event nor reject is in order, and was of use to the decoder.
///
/// Total on hostile bytes: any payload ends in `.finished` after a number of steps bounded by its length. No
/// allocation per payload.
package protocol PayloadDecoder: AnyObject {
    /// A new payload begins; forget the place in the last one.
    func begin()
    /// Decodes the next event of `payload` into `collector`, which the caller has emptied by `beginPayload()` for the
    /// first call and `beginEvent()` before each later one. After `.finished`, `begin()` is called before the next payload.
    func next(_ payload: RawSpan, into collector: inout EventCollector) -> DecodeOutcome
}
